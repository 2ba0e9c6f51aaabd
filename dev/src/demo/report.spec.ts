import type { ObjectDifference } from './objects.js';
import { problemsOf, sort, resultsTable, type Played } from './report.js';
import { scenarioResultSchema } from './result.js';

const result = (over: object = {}): Played['result'] =>
  scenarioResultSchema.parse({
    id: 1,
    outcome: 'Completed',
    requests: 5000,
    failed: 0,
    writes: { acknowledged: 400, lost: 0 },
    damaged: [],
    p50BeforeMs: 1.2,
    p99BeforeMs: 4,
    p99DuringMs: 4.4,
    seconds: 11.23,
    secondsByPhase: { Validating: 0.31, Migrating: 7 },
    podsBySCC: { 'restricted-v2': 3 },
    differences: ['Deployment/ledger changed: spec.template'],
    leftovers: [],
    ...over,
  });

const played = (over: Partial<Played> = {}): Played => ({
  scenario: { id: 1, title: 'a title', outcome: 'Completed' },
  result: result(),
  p50DuringMs: 1.3,
  unexpected: [],
  mishaps: [],
  ...over,
});

describe('sort', () => {
  const difference = (object: string, kind: ObjectDifference['kind']): ObjectDifference => ({
    object,
    kind,
    fields: [],
  });

  it('tells what was meant from what differs and from what was left behind', () => {
    const found = [
      difference('Deployment/ledger', 'changed'),
      difference('RoleBinding/new', 'added'),
      difference('Service/ledger-scc-canary', 'added'),
      difference('VirtualService/ledger', 'changed'),
      difference('RoleBinding/old', 'removed'),
    ];
    const { meant, differences, leftovers } = sort(found, ['Deployment/ledger', 'RoleBinding/new']);
    expect(meant.map(({ object }) => object)).toEqual(['Deployment/ledger', 'RoleBinding/new']);
    expect(differences.map(({ object }) => object)).toEqual(['VirtualService/ledger', 'RoleBinding/old']);
    expect(leftovers.map(({ object }) => object)).toEqual(['Service/ledger-scc-canary']);
  });
});

describe('problemsOf', () => {
  it.each<[string, Partial<Played>, string[]]>([
    ['nothing, when all went as it must', {}, []],
    ['a failed request', { result: result({ failed: 1 }) }, ['1 of 5000 requests failed']],
    [
      'a lost write',
      { result: result({ writes: { acknowledged: 400, lost: 2 } }) },
      ['2 of 400 acknowledged writes were lost'],
    ],
    ['damaged data', { result: result({ damaged: ['data-x-0/journal'] }) }, ['data was changed: data-x-0/journal']],
    ['no request at all', { result: result({ requests: 0 }) }, ['no request was sent']],
    [
      'another outcome',
      { result: result({ outcome: 'TrafficShifting' }) },
      ['ended in TrafficShifting instead of Completed'],
    ],
    ['a difference', { unexpected: ['Service/x changed'] }, ['differs: Service/x changed']],
    ['a leftover', { result: result({ leftovers: ['Pod/x'] }) }, ['left behind: Pod/x']],
    ['a mishap', { mishaps: ['the phase Migrating never came'] }, ['the phase Migrating never came']],
  ])('names %s', (_case, over, expected) => {
    expect(problemsOf(played(over))).toEqual(expected);
  });
});

describe('table', () => {
  it('has a column for each scenario', () => {
    const text = resultsTable([
      played(),
      played({
        scenario: { id: 2, title: 't', outcome: 'RolledBack' },
        result: result({ id: 2, failed: 3, p99DuringMs: null, secondsByPhase: { RollingBack: 5 } }),
        unexpected: ['Service/x changed'],
      }),
    ]);
    const lines = text.split('\n').map((one) => one.replaceAll(/ {2,}/g, '  ').trim());
    expect(lines).toContain('scenario  1  2');
    expect(lines).toContain('failed  0  3');
    expect(lines).toContain('writes kept  400 of 400  400 of 400');
    expect(lines).toContain('p99 before / during  4.0 / 4.4 ms  4.0 / - ms');
    expect(lines).toContain('pods  3 restricted-v2  3 restricted-v2');
    expect(lines).toContain('changed for good  1');
    expect(lines).toContain('as it must be  yes  NO');
  });
});
