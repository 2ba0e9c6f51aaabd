import { readFileSync } from 'node:fs';
import {
  type ConformanceCase,
  conformanceCaseSchema,
  compileSCCs,
  controllerSubject,
  decide,
  defaultSCCs,
  MCS_ANNOTATION,
  podFromTemplate,
  requestOfCase,
  UID_RANGE_ANNOTATION,
} from '@scc/scc';

export interface CorpusCase {
  readonly id: string;
  readonly namespace: string;
  readonly recorded: ConformanceCase;
  /** The SCC that its Deployment's pods must get; undefined for a refusal. */
  readonly expected: string | undefined;
}

const GLOBAL = ['system:authenticated', 'system:serviceaccounts'];

/** Cases that can live side by side in one cluster: nothing of one concerns another. */
function canBeDeployed({ operation, namespace, sccs, pod, use }: ConformanceCase): boolean {
  const annotations = namespace.metadata.annotations ?? {};
  const isReady = UID_RANGE_ANNOTATION in annotations && MCS_ANNOTATION in annotations;
  const reaches = (sccs ?? []).flatMap(({ users, groups }) => [...(users ?? []), ...(groups ?? [])]);
  // A wildcard would reach the SCCs of other cases.
  if ((use ?? []).some(({ scc }) => scc === '*')) return false;
  return operation === 'CREATE' && isReady && !reaches.some((name) => GLOBAL.includes(name)) && pod.spec.os == null;
}

/** The case in a namespace of its own, and its SCCs under names of their own that keep the order. */
function moved(recorded: ConformanceCase): { recorded: ConformanceCase; namespace: string } {
  const namespace = `case-${recorded.id}`;
  let text = JSON.stringify(recorded)
    .replaceAll('system:serviceaccounts:shop', `system:serviceaccounts:${namespace}`)
    .replaceAll('system:serviceaccount:shop:', `system:serviceaccount:${namespace}:`)
    .replaceAll('"namespace":"shop"', `"namespace":"${namespace}"`)
    .replaceAll('"name":"shop"', `"name":"${namespace}"`);
  for (const { metadata } of recorded.sccs ?? [])
    text = text.replaceAll(`"${metadata.name}"`, `"${metadata.name}-${recorded.id}"`);
  return { recorded: conformanceCaseSchema.parse(JSON.parse(text)), namespace };
}

const templateOf = ({ pod }: ConformanceCase) => ({
  metadata: { labels: { app: 'case' }, annotations: pod.metadata.annotations },
  spec: pod.spec,
});

/** By the rules that the recorded decisions confirm, for the controller that really asks. */
function expectation(recorded: ConformanceCase, namespace: string): string | undefined {
  const requester = controllerSubject('Deployment');
  const request = requestOfCase({ ...recorded, requester: { name: requester.name, groups: [...requester.groups] } });
  const pod = podFromTemplate(templateOf(recorded), { namespace, name: 'case', kind: 'Deployment' });
  const decision = decide({ ...request, pod }, compileSCCs([...defaultSCCs(), ...(recorded.sccs ?? [])]));
  return decision.decision === 'admitted' ? decision.scc : undefined;
}

export const corpusCases = (): CorpusCase[] =>
  readFileSync('libs/scc/fixtures/cases.jsonl', 'utf8')
    .trim()
    .split('\n')
    .map((line) => conformanceCaseSchema.parse(JSON.parse(line)))
    .filter(canBeDeployed)
    .map((original) => {
      const { recorded, namespace } = moved(original);
      return { id: original.id, namespace, recorded, expected: expectation(recorded, namespace) };
    });

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** The objects that a case needs in the cluster, in order, and its Deployment. */
export function objectsOf({ namespace, recorded }: CorpusCase): {
  setUp: [url: string, object: unknown][];
  deployment: unknown;
} {
  const { annotations } = recorded.namespace.metadata;
  const grants = (recorded.use ?? []).flatMap(({ subject, scc }, index): [string, unknown][] => {
    const name = `use-${index}`;
    const rule = {
      apiGroups: ['security.openshift.io'],
      resources: ['securitycontextconstraints'],
      verbs: ['use'],
      ...(scc === '*' ? {} : { resourceNames: [scc] }),
    };
    const apiGroup = 'rbac.authorization.k8s.io';
    const binding = {
      metadata: { name },
      roleRef: { apiGroup, kind: 'Role', name },
      subjects: ['User', 'Group'].map((kind) => ({ apiGroup, kind, name: subject })),
    };
    return [
      [`${RBAC}/namespaces/${namespace}/roles`, { metadata: { name }, rules: [rule] }],
      [`${RBAC}/namespaces/${namespace}/rolebindings`, binding],
    ];
  });
  const account = (name: string): [string, unknown] => [
    `/api/v1/namespaces/${namespace}/serviceaccounts`,
    { metadata: { name } },
  ];
  return {
    setUp: [
      ['/api/v1/namespaces', { metadata: { name: namespace, annotations } }],
      account('app'),
      ...(recorded.sccs ?? []).map((scc): [string, unknown] => [
        '/apis/security.openshift.io/v1/securitycontextconstraints',
        complete(scc),
      ]),
      ...grants,
    ],
    deployment: {
      metadata: { name: 'case' },
      spec: { replicas: 1, selector: { matchLabels: { app: 'case' } }, template: templateOf(recorded) },
    },
  };
}

/** The CRD demands fields that a user may leave to their zero. */
const complete = (scc: object): object => ({
  apiVersion: 'security.openshift.io/v1',
  kind: 'SecurityContextConstraints',
  allowHostDirVolumePlugin: false,
  allowHostIPC: false,
  allowHostNetwork: false,
  allowHostPID: false,
  allowHostPorts: false,
  allowPrivilegedContainer: false,
  allowedCapabilities: null,
  defaultAddCapabilities: null,
  priority: null,
  readOnlyRootFilesystem: false,
  requiredDropCapabilities: null,
  volumes: null,
  ...scc,
});
