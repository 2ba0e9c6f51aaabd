import { podSchema } from '@scc/scc';
import { someFacts } from './facts.fixture.js';
import { ownedLabelsOf } from '../cluster/namespace.js';
import { blockedBy, podSecurityViolations } from './pod-security.js';

const ENFORCE = 'pod-security.kubernetes.io/enforce';
const facts = (level?: string, ownedLabels: string[] = []) => {
  const base = someFacts();
  return { ...base, ownedLabels, namespace: { ...base.namespace, labels: level ? { [ENFORCE]: level } : {} } };
};
const pod = (securityContext: Record<string, unknown>) =>
  podSchema.parse({ metadata: {}, spec: { containers: [{ name: 'app', securityContext }] } });
const restricted = pod({
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
});

describe('podSecurityViolations', () => {
  it.each<[string, ReturnType<typeof facts>, typeof restricted, string[]]>([
    ['nothing is enforced', facts(), pod({ privileged: true }), []],
    ['the pods are strict enough', facts('restricted'), restricted, []],
    ['the pods are too lax', facts('restricted'), pod({}), ['PodSecurityForbids']],
    ['they are far too lax', facts('baseline'), pod({ privileged: true }), ['PodSecurityForbids']],
    ['the label follows the grants', facts('restricted', [ENFORCE]), pod({}), []],
  ])('when %s', (_case, known, migrated, codes) => {
    expect(podSecurityViolations(known, migrated).map(({ code }) => code)).toEqual(codes);
  });
});

describe('ownedLabelsOf', () => {
  it("reads the syncer's own labels and no one else's", () => {
    const fields = {
      'f:metadata': { 'f:labels': { [`f:${ENFORCE}`]: {}, 'f:pod-security.kubernetes.io/warn-version': {} } },
    };
    const namespace = (manager: string) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { managedFields: [{ manager, fieldsV1: fields }] },
    });
    expect(ownedLabelsOf(namespace('pod-security-admission-label-synchronization-controller'))).toEqual([
      ENFORCE,
      'pod-security.kubernetes.io/warn-version',
    ]);
    expect(ownedLabelsOf(namespace('kubectl'))).toEqual([]);
    expect(ownedLabelsOf(undefined)).toEqual([]);
  });
});

describe('blockedBy', () => {
  it('names each workload that could not start pods any more, and what it needs', () => {
    expect(blockedBy({ enforced: 'restricted', blocked: [{ name: 'pod legacy-1', needs: 'baseline' }] })).toMatchObject(
      [{ code: 'BlocksOthers', message: expect.stringContaining('pod legacy-1 needs baseline') as string }],
    );
  });
});
