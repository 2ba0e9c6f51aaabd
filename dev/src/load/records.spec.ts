import { countsOf, failed, percentile, Records, type Outcome } from './records.js';

const outcome = (over: Partial<Outcome> = {}): Outcome => ({
  ...{
    dueMs: 0,
    latencyMs: 1,
    stream: 's',
    method: 'GET',
    path: '/',
    status: 200,
    error: null,
    pod: 'p',
    scc: 'anyuid',
  },
  ...over,
});

describe('percentile', () => {
  it.each<[readonly number[], number, number | null]>([
    [[], 0.5, null],
    [[7], 0.99, 7],
    [[1, 2, 3, 4], 0.5, 2],
    [Array.from({ length: 100 }, (_, index) => index + 1), 0.99, 99],
  ])('of %j at %s', (sorted, share, expected) => {
    expect(percentile(sorted, share)).toBe(expected);
  });
});

describe('failed', () => {
  it.each([
    [200, false],
    [302, false],
    [404, true],
    [503, true],
    [0, true],
  ])('status %s: %s', (status, expected) => {
    expect(failed({ status })).toBe(expected);
  });
});

describe('Records', () => {
  it('counts a request in the window in which it was due, however late its answer came', () => {
    const records = new Records();
    records.beginWindow('before', 0);
    records.beginWindow('during', 100);
    records.add(outcome({ dueMs: 99, latencyMs: 500 }));
    records.add(outcome({ dueMs: 100, scc: 'restricted-v2' }));
    const { windows } = records.summarize({ open: 0, worstLagMs: 0 });
    expect(windows.map(({ label, requests, byScc }) => ({ label, requests, byScc }))).toEqual([
      { label: 'before', requests: 1, byScc: { anyuid: 1 } },
      { label: 'during', requests: 1, byScc: { 'restricted-v2': 1 } },
    ]);
  });

  it('lists what failed and how', () => {
    const records = new Records();
    records.add(outcome());
    records.add(outcome({ status: 0, error: 'unanswered' }));
    const { total, failures } = records.summarize({ open: 0, worstLagMs: 0 });
    expect(total).toMatchObject({ requests: 2, failed: 1 });
    expect(failures).toMatchObject([{ status: 0, error: 'unanswered', at: '1970-01-01T00:00:00.000Z' }]);
  });
});

describe('countsOf', () => {
  it('has no latencies without requests', () => {
    expect(countsOf([])).toEqual({ requests: 0, failed: 0, p50Ms: null, p99Ms: null, maxMs: null });
  });
});
