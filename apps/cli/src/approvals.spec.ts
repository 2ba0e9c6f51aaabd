import { describe, expect, it } from '@jest/globals';
import { approvalViewSchema } from '@scc/governance-api';
import { planSpecSchema } from '@scc/plan';
import { approvalText } from './approvals.js';

const spec = planSpecSchema.parse({ workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' });
const view = approvalViewSchema.parse({
  ...{ status: 'pending', by: [], reason: null, expiresAt: '2026-03-11T12:00:00.000Z', contentHash: 'c'.repeat(64) },
  needs: [{ role: 'approver', count: 1, granted: 0, reason: 'the risk is high' }],
  ...{ verdict: 'requireApproval', author: 'ana', editors: ['eve'], violations: [], warnings: ['few requests'] },
  risk: { band: 'high', changeRisk: 0.4, exposure: 0.1 },
  rights: {
    ...{ serviceAccountName: 'ledger', sourceSCC: 'anyuid', targetSCC: 'restricted-v2', relation: 'narrower' },
    ...{ gains: [], losses: ['any uid'] },
    uses: [{ right: 'update deployments.apps/ledger in shop', heldBy: ['ana'], missingFor: ['eve'] }],
  },
  extras: [{ field: 'spec.containers[web].image', kind: 'image', change: 'changed' }],
  recorded: [],
  plan: { uid: 'u-1', namespace: 'shop', name: 'ledger' },
  workload: { kind: 'Deployment', name: 'ledger', replicas: 3, services: ['ledger'] },
  grants: ['ServiceAccount shop/ledger gets the use of restricted-v2'],
  ...{ traffic: spec.traffic, gates: spec.gates, rollback: spec.rollback },
  window: {
    ...{ notBefore: null, windows: [], expectedDurationSeconds: 600 },
    ...{ mayStartAt: '2026-03-10T22:00:00.000Z', reason: 'the freeze month-end is active' },
  },
  deadline: '2026-03-11T12:00:00.000Z',
  diff: [{ path: '/spec/securityContext/runAsNonRoot', before: null, after: true }],
});

describe('what an approver is shown', () => {
  it.each([
    ['the author and the editors', /author +ana, edited by eve/],
    ['what is asked for', /needs +0 of 1 approver/],
    ['the deadline', /deadline +2026-03-11T12:00:00.000Z/],
    ['when it may begin', /begins +2026-03-10T22:00:00.000Z/],
    ['each right, and who lacks it', /update deployments.apps\/ledger in shop: held by ana: missing for eve/],
    ['the difference', /\/spec\/securityContext\/runAsNonRoot: absent → true/],
    ['what the target does not need', /spec.containers\[web\].image \(changed\)/],
    ['the gates', /gates:\n {2}- success-rate/],
    ['how to approve exactly this', /sccctl approve ledger -n shop --content c{64}/],
  ])('names %s', (_what, line) => {
    expect(approvalText(view)).toMatch(line);
  });
});
