import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compileSCCs, type ConformanceCase, conformanceCaseSchema, decide, defaultSCCs, requestOfCase } from '@scc/scc';
import { canonical, patched, podReview, startTestAdmission, type TestAdmission } from './admission.fixture.js';
import { type KubeLike, keyOf, TestCluster } from './cluster.fixture.js';

const lines = readFileSync('libs/scc/fixtures/cases.jsonl', 'utf8').trim().split('\n');
const defaults = defaultSCCs().map((scc) => ({ ...scc, kind: 'SecurityContextConstraints', metadata: scc.metadata }));

let webhook: TestAdmission;
beforeAll(async () => {
  webhook = await startTestAdmission({ cluster: new TestCluster(defaults) });
});
afterAll(() => webhook.stop());

const RBAC = { apiVersion: 'rbac.authorization.k8s.io/v1' };

/** The cluster of a case: its namespace, its own SCCs, and its grants as RBAC would hold them. */
function objectsOf({ namespace, sccs, use }: ConformanceCase): KubeLike[] {
  const { name } = namespace.metadata;
  return [
    { ...namespace, kind: 'Namespace', metadata: namespace.metadata },
    ...(sccs ?? []).map((scc) => ({ ...scc, kind: 'SecurityContextConstraints', metadata: scc.metadata })),
    ...(use ?? []).flatMap(({ subject, scc }, index): KubeLike[] => [
      {
        ...RBAC,
        kind: 'Role',
        metadata: { name: `use-${index}`, namespace: name },
        rules: [
          {
            verbs: ['use'],
            apiGroups: ['security.openshift.io'],
            resources: ['securitycontextconstraints'],
            ...(scc === '*' ? {} : { resourceNames: [scc] }),
          },
        ],
      },
      {
        ...RBAC,
        kind: 'RoleBinding',
        metadata: { name: `use-${index}`, namespace: name },
        roleRef: { kind: 'Role', name: `use-${index}` },
        subjects: [
          { kind: 'User', name: subject },
          { kind: 'Group', name: subject },
        ],
      },
    ]),
  ];
}

function reviewOf({ pod, oldPod, operation, subresource, requester, namespace }: ConformanceCase) {
  return podReview(pod, {
    operation,
    subResource: subresource ?? '',
    oldObject: oldPod ?? null,
    namespace: namespace.metadata.name,
    userInfo: { username: requester.name, groups: requester.groups ?? [] },
  });
}

const text = (value: unknown): string => JSON.stringify(canonical(value));

/** Puts a case into the cluster, asks both webhooks, and takes it out again. */
async function ask(recorded: ConformanceCase) {
  const objects = objectsOf(recorded);
  for (const object of objects) webhook.cluster.put(object);
  const mutating = await webhook.post('/mutate/pods', reviewOf(recorded));
  const pod = patched(recorded.pod, mutating);
  const validating = await webhook.post('/validate/pods', reviewOf({ ...recorded, pod }));
  for (const object of objects) webhook.cluster.remove(object.kind, keyOf(object));
  return { message: mutating.json?.response.status?.message, pod, revalidates: validating.json?.response.allowed };
}

describe('the recorded decisions of OpenShift, asked over HTTPS', () => {
  const cases = lines.map((line) => conformanceCaseSchema.parse(JSON.parse(line)));
  it.each(cases)('$id', async (recorded) => {
    const expected = decide(requestOfCase(recorded), compileSCCs([...defaults, ...(recorded.sccs ?? [])]));
    const answered = await ask(recorded);
    expect(answered.message).toBe(expected.decision === 'rejected' ? expected.message : undefined);
    expect(text(answered.pod)).toBe(text(expected.decision === 'admitted' ? expected.pod : recorded.pod));
    expect(answered.revalidates).toBe(expected.decision !== 'rejected');
  });
});
