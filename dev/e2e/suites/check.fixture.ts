import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PlanSpecInput } from '@scc/plan';
import { type CheckFault, waitFor } from '@scc/runtime';
import { makeAuthority } from '@scc/tls';
import { z } from 'zod';
import type { Stack } from '../../src/index.js';
import { deployCopy } from '../copy.fixture.js';
import { NAMESPACE } from '../engine.fixture.js';
import { sccctlOn } from '../sccctl.fixture.js';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sccmigrationplans.scc.poc';
const PRODUCT = '/apis/apps/v1/namespaces/scc-system/deployments';
const ENTRIES = '/api/v1/namespaces/scc-system/configmaps/scc-webhook-entries';
const CAMPAIGNS = CRD.replace('sccmigrationplans', 'sccmigrationcampaigns');
const STATUS_FIELDS = '/spec/versions/0/schema/openAPIV3Schema/properties/status/properties';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1';
const MUTATING = `${WEBHOOKS}/mutatingwebhookconfigurations/scc-webhook`;
const VALIDATING = `${WEBHOOKS}/validatingwebhookconfigurations/scc-webhook`;
const RESTRICTED = '/apis/security.openshift.io/v1/securitycontextconstraints/restricted-v2';
const PATIENCE_MS = 120_000;

/** What is broken, by the part and the words that name it. */
type Named = readonly (readonly [part: string, fault: RegExp])[];

/** What is broken in the objects of the installation. */
const OBJECTS: Named = [
  ['rights', /worker may not get sccmigrationplans\.scc\.poc/],
  ['rights', /governance may not create tokenreviews\.authentication\.k8s\.io/],
  ['rights', /watcher may not get sccmigrationplans\.scc\.poc/],
  ['rights', /dry-run may not /],
  ['crd', /sccmigrationplans\.scc\.poc is of another version: it lacks status\.ordinals/],
  ['crd', /sccmigrationcampaigns\.scc\.poc is of another version: it lacks status\.observedGeneration/],
  ['watcher', /scaled to 0/],
  ['watcher', /leads/],
  ['temporal', /TEMPORAL_TASK_QUEUE .*watcher: another/],
  ['temporal', /TEMPORAL_NAMESPACE .*watcher: another/],
  ['platform', /is kubernetes, and governance is installed for openshift/],
  ['installation', /ConfigMap scc-system\/scc-webhook-entries is missing/],
  ['webhook', /MutatingWebhookConfiguration scc-webhook is disabled/],
  ['webhook', /ValidatingWebhookConfiguration scc-webhook is disabled/],
];

/** What is broken while governance is away, which would mend some of it. */
const WITHOUT_GOVERNANCE: Named = [
  ['governance', /it does not answer/],
  ['governance', /none of its pods is ready/],
  ['governance', /does not serve the worker/],
  ['webhook', /no replica of the webhook is ready/],
  ['webhook', /a plan on trial was refused: .*failed calling webhook/],
  ['webhook', /MutatingWebhookConfiguration scc-webhook is missing/],
  ['webhook', /pods\.scc\.poc: failurePolicy is not Fail/],
  ['webhook', /plans\.scc\.poc: caBundle does not hold the authority/],
  ['webhook', /default SCCs are missing/],
];

/** What is broken outside the cluster. */
const OUTSIDE: Named = [
  ['prometheus', /does not answer/],
  ['istiod', /istiod/],
  ['database', /governance/],
  ['temporal', /governance says/],
  ['temporal', /127\.0\.0\.1:7233/],
];

const entriesSchema = z.array(z.looseObject({ name: z.string(), clientConfig: z.looseObject({}) }));

type Apply = (name: string, workload: string, over: Partial<PlanSpecInput>) => Promise<unknown>;

/** A real installation, of which parts are broken and mended. */
export function checked(stackOf: () => Stack, apply: Apply): void {
  let folder: string;
  let stack: Stack;
  beforeAll(async () => {
    stack = stackOf();
    folder = await mkdtemp(path.join(tmpdir(), 'sccctl-check-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const sccctl = sccctlOn(stackOf, () => folder);
  const faults = async (): Promise<CheckFault[]> =>
    JSON.parse((await sccctl(null, '-o', 'json', 'check')).out) as CheckFault[];
  const untilSilent = () =>
    waitFor(
      async () => {
        const { code, out, err } = await sccctl(null, 'check');
        return code === 0 && out === '' && err === '';
      },
      { timeoutMs: PATIENCE_MS, everyMs: 1000, what: 'an installation in which nothing is broken' },
    );
  const patch = (at: string, body: object[]) => stack.api.call('PATCH', at, body, 'application/json-patch+json');
  const withVariable = (name: string, value: string): object => ({
    op: 'add',
    path: '/spec/template/spec/containers/0/env/-',
    value: { name, value },
  });
  /** One field of an object, by its JSON pointer. */
  const fieldOf = async (at: string, pointer: string): Promise<{ at: string; path: string; value: unknown }> => {
    let value: unknown = await stack.api.get(at);
    for (const key of pointer.slice(1).split('/')) value = Reflect.get(Object(value) as object, key);
    return { at, path: pointer, value };
  };
  /** Objects to be removed for a while. */
  const takeAway = async (paths: readonly string[]) => {
    const objects = await Promise.all(paths.map((at) => stack.api.get(at)));
    return {
      remove: () => Promise.all(paths.map((at) => stack.api.call('DELETE', at))),
      giveBack: async (): Promise<void> => {
        for (const [index, at] of paths.entries()) {
          const { metadata, ...rest } = objects[index] as { metadata: Record<string, unknown> };
          const { resourceVersion: _v, uid: _u, creationTimestamp: _c, managedFields: _m, ...kept } = metadata;
          await stack.api.create(at.slice(0, at.lastIndexOf('/')), { ...rest, metadata: kept });
        }
      },
    };
  };
  const untilNamed = async (named: Named): Promise<void> => {
    let found: CheckFault[] = [];
    const isFound = ([part, fault]: Named[number]): boolean =>
      found.some((one) => one.part === part && fault.test(one.fault) && one.remedy.trim() !== '');
    await waitFor(
      async () => {
        found = await faults();
        return named.every(isFound);
      },
      { timeoutMs: PATIENCE_MS, everyMs: 1000, what: 'everything that is broken to be named' },
    ).catch((error: unknown) => {
      const unnamed = named.filter((one) => !isFound(one)).join(', ');
      throw new Error(`not named: ${unnamed}; named: ${JSON.stringify(found)}`, { cause: error });
    });
  };

  describe('sccctl check', () => {
    it(
      'and then draws a migration as a tree, follows it line by line where there is no terminal, and ends with it',
      async () => {
        await stack.apply('apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: admin, namespace: scc-system }');
        await deployCopy(stack, 'drawn');
        await apply('drawn', 'drawn', {
          traffic: { mirror: { duration: '0s' }, weights: [50, 100], interval: '10s' },
          gates: { readiness: { timeout: '60s' }, metrics: [] },
        });
        const get = ['get', 'drawn', '-n', NAMESPACE];
        const shown = async () => (await sccctl('scc-system/admin', ...get)).out;
        const following = sccctl('scc-system/admin', ...get, '--watch');
        const during = await waitFor(
          async () => {
            const text = await shown();
            return /requests +\[█/.test(text) ? text : null;
          },
          { timeoutMs: PATIENCE_MS, everyMs: 200, what: 'a weight to be drawn' },
        );
        expect(during).toMatch(/Deployment drawn-scc-canary \(canary\)/);
        expect(during).toMatch(/─ ✔ drawn-scc-canary-\S+ +restricted-v2 ✔ +ready/);
        const { code, out, err } = await following;
        expect(err).toBe('');
        expect(code).toBe(0);
        const lines = out.trim().split('\n');
        expect(lines.some((line) => line.includes('TrafficShifting'))).toBe(true);
        expect(lines.at(-1)).toMatch(/Z {2}Completed/);
        expect(await shown()).toMatch(/─ ✔ drawn-\S+ +restricted-v2 ✔ +ready[\s\S]*EVENTS[\s\S]*completed: /);
      },
      2 * PATIENCE_MS,
    );

    it('is silent where nothing is broken', untilSilent, PATIENCE_MS);

    it(
      'names everything that is broken in the cluster, with its remedy',
      async () => {
        const bindings = ['worker-facts', 'governance', 'watcher', 'dry-run'];
        const bindingAt = (name: string) => `${RBAC}/clusterrolebindings/scc-orchestrator-${name}`;
        const taken = await takeAway([...bindings.map(bindingAt), ENTRIES]);
        const fields = [
          await fieldOf(CRD, `${STATUS_FIELDS}/ordinals`),
          await fieldOf(CAMPAIGNS, `${STATUS_FIELDS}/observedGeneration`),
        ];
        const specs = [await fieldOf(`${PRODUCT}/watcher`, '/spec'), await fieldOf(`${PRODUCT}/governance`, '/spec')];
        try {
          await taken.remove();
          for (const { at, path: field } of fields) await patch(at, [{ op: 'remove', path: field }]);
          await patch(`${PRODUCT}/watcher`, [
            { op: 'replace', path: '/spec/replicas', value: 0 },
            withVariable('TEMPORAL_TASK_QUEUE', 'another'),
            withVariable('TEMPORAL_NAMESPACE', 'another'),
          ]);
          // Paused, it keeps the pod that it has.
          await patch(`${PRODUCT}/governance`, [
            { op: 'add', path: '/spec/paused', value: true },
            withVariable('SCC_MODE', 'openshift'),
          ]);
          await sccctl(null, 'webhook', 'disable');
          await untilNamed(OBJECTS);
        } finally {
          await taken.giveBack();
          for (const { at, path: field, value } of [...fields, ...specs])
            await patch(at, [{ op: 'add', path: field, value }]);
          await sccctl(null, 'webhook', 'enable');
          await untilSilent();
        }
      },
      3 * PATIENCE_MS,
    );

    it(
      'names what is broken while governance is away',
      async () => {
        const taken = await takeAway([MUTATING, RESTRICTED]);
        const { at, path: field, value } = await fieldOf(VALIDATING, '/webhooks');
        const { certificate } = await makeAuthority('another', { now: new Date(), lifeMs: 86_400_000 });
        const caBundle = Buffer.from(certificate).toString('base64');
        const changed = entriesSchema.parse(value).map((entry) => {
          if (entry.name === 'pods.scc.poc') return { ...entry, failurePolicy: 'Ignore' };
          return entry.name === 'plans.scc.poc'
            ? { ...entry, clientConfig: { ...entry.clientConfig, caBundle } }
            : entry;
        });
        await stack.part('governance').stop();
        try {
          await taken.remove();
          await patch(at, [{ op: 'replace', path: field, value: changed }]);
          await untilNamed(WITHOUT_GOVERNANCE);
        } finally {
          await taken.giveBack();
          await patch(at, [{ op: 'replace', path: field, value }]);
          await stack.part('governance').start();
          await untilSilent();
        }
      },
      3 * PATIENCE_MS,
    );

    it(
      'names what is away outside the cluster',
      async () => {
        const parts = ['prometheus', 'istiod', 'temporal', 'postgres'];
        await Promise.all(parts.map((name) => stack.part(name).stop()));
        try {
          await untilNamed(OUTSIDE);
        } finally {
          await Promise.all(parts.map((name) => stack.part(name).start()));
          await untilSilent();
        }
      },
      3 * PATIENCE_MS,
    );
  });
}
