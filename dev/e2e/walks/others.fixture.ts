import { expect } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { withoutAdmission } from '../activities/recorded.fixture.js';
import {
  APP,
  byPlan,
  bySaying,
  deployment,
  type Ground,
  serveKind,
  service,
  templateOf,
  type Walk,
} from './walks.fixture.js';

/** Refusals for what others decide: an operator, the image's user, admission's own record. */

const REQUIRED = 'openshift.io/required-scc';
const rolledOut = `kubectl rollout status deployment ${APP} --timeout=60s`;

/** An operator, which writes the Deployment from its own kind, whatever else was written. */
const ENGINE = { group: 'example.org', version: 'v1', kind: 'Engine' };
const ENGINES = { apiVersion: `${ENGINE.group}/${ENGINE.version}`, kind: ENGINE.kind };
async function reconcile({ admin, read, namespace }: Ground): Promise<void> {
  const { metadata, ...engine } = await read(ENGINES.apiVersion, ENGINES.kind);
  const { template } = engine['spec'] as { template: object };
  const owner = { ...ENGINES, name: APP, uid: metadata.uid ?? '', controller: true };
  const { metadata: own, ...made } = deployment(namespace, { template });
  const written = { ...made, metadata: { ...own, ownerReferences: [owner] } };
  const { metadata: now } = await read('apps/v1', 'Deployment');
  await admin.replace({ ...written, metadata: { ...written.metadata, resourceVersion: now.resourceVersion ?? '' } });
}
let endOfKind: () => Promise<unknown> = () => Promise.resolve();

/** The pods' SCCs, once none is leaving. */
const under = async ({ admin, namespace }: Ground, scc: string): Promise<boolean> => {
  const { items } = await admin.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector: `app=${APP}` });
  return items.length > 0 && items.every(({ metadata }) => metadata.annotations?.['openshift.io/scc'] === scc);
};
const soon = { timeoutMs: 60_000, everyMs: 250 };

const nonRoot = { targetSCC: 'nonroot-v2' };
/** What a kubelet says of the user of a container since Kubernetes 1.33, which the local one does not. */
const seenAsRoot = ({ sh }: Ground): Promise<string> =>
  sh(
    `kubectl patch $(kubectl get pod -l app=${APP} -o name) --subresource status --type json -p '[{"op":"add","path":"/status/containerStatuses/0/user","value":{"linux":{"uid":0,"gid":0}}}]'`,
  );

let install: () => Promise<void> = () => Promise.resolve();

/** A policy of somebody else's that has each Deployment ask for an SCC, unless a label exempts it. */
const PINNING = 'walk-pins';
const EXEMPT = 'example.org/exempt';
async function pin({ create, sh, namespace }: Ground): Promise<void> {
  const admission = { apiVersion: 'admissionregistration.k8s.io/v1' };
  const metadata = { name: PINNING };
  await create({
    ...{ ...admission, kind: 'MutatingAdmissionPolicy', metadata },
    spec: {
      ...{ failurePolicy: 'Fail', reinvocationPolicy: 'IfNeeded' },
      matchConstraints: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        resourceRules: [
          { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
        ],
      },
      matchConditions: [
        { name: 'not-exempt', expression: `!has(object.metadata.labels) || !('${EXEMPT}' in object.metadata.labels)` },
      ],
      mutations: [
        {
          patchType: 'JSONPatch',
          jsonPatch: {
            expression: `[JSONPatch{op: 'add', path: '/spec/template/metadata/annotations', value: {'${REQUIRED}': 'anyuid'}}]`,
          },
        },
      ],
    },
  });
  await create({
    ...{ ...admission, kind: 'MutatingAdmissionPolicyBinding', metadata },
    spec: { policyName: PINNING },
  });
  const isActive = async (): Promise<boolean> =>
    (await sh(`kubectl annotate deployment ${APP} at=now --overwrite --dry-run=server -o json`)).includes(REQUIRED);
  await waitFor(isActive, { ...soon, what: 'the policy to be in force' });
}

const SCC = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' };
/** The SCC restricted-v2 by another name and for nobody yet, with something else in it. */
async function ownSCC({ admin, create }: Ground, name: string, change: object): Promise<void> {
  const whole = await admin.get({ ...SCC, name: 'restricted-v2' });
  if (!whole) throw new Error('there is no SCC restricted-v2');
  await create({ ...whole, metadata: { name }, users: [], groups: [], ...change });
}
/** From before admission was there: no pod can be judged by it. */
const BROKEN = 'walk-broken';
async function breakOne(ground: Ground): Promise<void> {
  install = await withoutAdmission(ground.admin);
  await ownSCC(ground, BROKEN, { runAsUser: { type: 'MustRunAs' } });
  await install();
}
const NARROW = 'walk-narrow';
const without =
  (name: string): NonNullable<Walk['then']> =>
  (_accepted, { sh }) =>
    sh(`kubectl delete ${SCC.kind} ${name}`);

export const OTHER_WALKS: readonly Walk[] = [
  {
    code: 'ChangeTakenBack',
    way: 'the workload is exempted from what sets the field',
    before: pin,
    walk: bySaying(`kubectl label deployment ${APP} ${EXEMPT}=true`),
    then: (_accepted, { sh }) =>
      sh(`kubectl delete mutatingadmissionpolicybinding ${PINNING}; kubectl delete mutatingadmissionpolicy ${PINNING}`),
  },
  {
    code: 'SCCInvalid',
    also: ['NotAdmitted'],
    way: 'the SCC is repaired',
    before: breakOne,
    plan: { targetSCC: BROKEN },
    walk: bySaying(
      `kubectl patch securitycontextconstraints ${BROKEN} --type merge -p '{"runAsUser":{"uid":1000650001}}'`,
    ),
    then: without(BROKEN),
  },
  {
    code: 'NotAdmitted',
    way: 'the volume is replaced by a type that the SCC lists',
    workload: (namespace) => {
      const template = templateOf({}, { volumes: [{ name: 'scratch', emptyDir: {} }] });
      return [deployment(namespace, { template }), service(namespace)];
    },
    before: (ground) => ownSCC(ground, NARROW, { volumes: ['configMap', 'projected', 'secret'] }),
    plan: { targetSCC: NARROW },
    walk: bySaying(
      `kubectl patch deployment ${APP} --type json -p '[{"op":"replace","path":"/spec/template/spec/volumes","value":[{"name":"scratch","configMap":{"name":"kube-root-ca.crt"}}]}]'; ${rolledOut}`,
    ),
    then: without(NARROW),
  },
  {
    code: 'WorkloadIsOwned',
    way: 'the template is changed in the object of its operator, which takes any other change back',
    isByHand: true,
    before: async (ground) => {
      endOfKind = await serveKind(ground, ENGINE);
      const { namespace } = ground;
      await ground.create({ ...ENGINES, metadata: { name: APP, namespace }, spec: { template: templateOf() } });
      await reconcile(ground);
    },
    walk: async ([violation], ground) => {
      const [, kind = '', name = ''] = /pod template in (\w+) (\S+) instead/.exec(violation?.remedy ?? '') ?? [];
      const asking = JSON.stringify({ metadata: { annotations: { [REQUIRED]: 'restricted-v2' } } });
      const patched = async (what: string, template: string): Promise<unknown> =>
        ground.sh(`kubectl patch ${what} --type merge -p '{"spec":{"template":${template}}}'`);
      await patched(`deployment ${APP}`, asking);
      await reconcile(ground);
      const { spec } = await ground.read('apps/v1', 'Deployment');
      expect(JSON.stringify(spec)).not.toContain(REQUIRED);
      const asked = () => patched(`${kind.toLowerCase()} ${name}`, asking).then(Boolean, () => false);
      await waitFor(asked, { timeoutMs: 30_000, everyMs: 500, what: `kubectl to know ${kind}` });
      await reconcile(ground);
      await waitFor(() => under(ground, 'restricted-v2'), { ...soon, what: 'pods under the target' });
      await endOfKind();
      return undefined;
    },
  },
  {
    code: 'WouldNotWork',
    way: 'a numeric user is set',
    before: seenAsRoot,
    plan: nonRoot,
    walk: bySaying(
      `kubectl patch deployment ${APP} --type merge -p '{"spec":{"template":{"spec":{"securityContext":{"runAsUser":1000}}}}}'; ${rolledOut}`,
    ),
  },
  {
    code: 'WouldNotWork',
    way: 'an SCC is chosen that assigns a user',
    before: seenAsRoot,
    plan: nonRoot,
    walk: ([violation]) => {
      const [, targetSCC = ''] = /assigns one, such as ([\w-]+)/.exec(violation?.remedy ?? '') ?? [];
      return Promise.resolve({ targetSCC });
    },
  },
  {
    code: 'TemplateTooLarge',
    way: 'the workload is split into two smaller ones',
    workload: (namespace) => {
      const { spec, ...template } = templateOf();
      const containers = Array.from({ length: 251 }, (_none, at) => ({ name: `c${at}`, image: 'scc.poc/healthy:1' }));
      return [deployment(namespace, { replicas: 0, template: { ...template, spec: { ...spec, containers } } })];
    },
    walk: async (_violations, { sh, file, folder }) => {
      const halves = [
        ['a', ':126'],
        ['b', '126:'],
      ];
      for (const [name = '', part = ''] of halves) {
        const made = await sh(`kubectl get deployment ${APP} -o json`);
        const { spec } = JSON.parse(made) as { spec: { template: { spec: { containers: unknown[] } } } };
        const [from, to] = part.split(':');
        spec.template.spec.containers = spec.template.spec.containers.slice(Number(from), to ? Number(to) : undefined);
        const half = {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: name === 'a' ? APP : `${APP}-2` },
          spec,
        };
        await file(`${name}.json`, JSON.stringify(half));
      }
      await sh(`kubectl create -f '${folder}/b.json'; kubectl replace --force -f '${folder}/a.json'`);
      return undefined;
    },
  },
  {
    code: 'SystemNamespace',
    way: 'the workload is moved to a namespace of its own',
    namespace: 'openshift-walk',
    moves: true,
    walk: byPlan({}),
  },
  {
    code: 'AuthorUnknown',
    way: 'the webhook is installed, and the plan is created again',
    before: async ({ admin }) => {
      install = await withoutAdmission(admin);
    },
    walk: async () => {
      await install();
      return undefined;
    },
  },
];
