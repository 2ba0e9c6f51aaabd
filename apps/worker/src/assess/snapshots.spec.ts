import { KubeError } from '@scc/kube';
import { aSet, someFacts } from './facts.fixture.js';
import { reviewSnapshots } from './snapshots.js';

const spec = { volumes: { snapshot: {} } };
const withClaims = () => aSet({ claimTemplates: ['data'], spec });
const none = { items: [], resourceVersion: '1' };
const refused = (status: number, reason: string) => () =>
  Promise.reject(new KubeError(status, { message: 'no', reason }));

describe('reviewSnapshots', () => {
  it.each<[string, () => Promise<typeof none>, () => ReturnType<typeof aSet>, RegExp | null]>([
    ['takes a set with claims where snapshots are served', () => Promise.resolve(none), withClaims, null],
    ['asks nothing where no plan wants one', refused(500, 'x'), () => aSet({ claimTemplates: ['data'] }), null],
    ['refuses where none is served', refused(404, 'KindNotServed'), withClaims, /does not serve snapshot/],
    ['refuses where the worker may not', refused(403, 'Forbidden'), withClaims, /no/],
    [
      'refuses a set without claims',
      () => Promise.resolve(none),
      () => aSet({ spec }),
      /StatefulSet ledger has no claims/,
    ],
    ['refuses another kind', () => Promise.resolve(none), () => someFacts({ spec }), /Deployment ledger has no claims/],
  ])('%s', async (...[, list, made, message]) => {
    const facts = made();
    if (!facts.workload) throw new Error('the fixture has a workload');
    const violations = await reviewSnapshots({ list }, facts, facts.workload);
    expect(violations.map((one) => one.code)).toEqual(message === null ? [] : ['SnapshotNotPossible']);
    if (message !== null) expect(violations[0]?.message).toMatch(message);
  });

  it('takes a set whose plan came right after the CRDs', async () => {
    const facts = withClaims();
    if (!facts.workload) throw new Error('the fixture has a workload');
    let looks = 0;
    const list = () => (looks++ === 0 ? refused(404, 'KindNotServed')() : Promise.resolve(none));
    await expect(reviewSnapshots({ list }, facts, facts.workload)).resolves.toEqual([]);
    expect(looks).toBe(2);
  });
});
