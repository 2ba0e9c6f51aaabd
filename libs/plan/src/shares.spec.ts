import { expect, it } from '@jest/globals';
import { PHASES } from './phases.js';
import { requestsWords, shareText } from './shares.js';
import { STRATEGIES } from './strategies.js';

const begun = { weight: 0, strategy: 'Canary', isDryRun: false } as const;

it('says where requests go before and after anything divides them', () => {
  const of = (over: object) => PHASES.map((phase) => requestsWords({ ...begun, phase, weight: 50, ...over }));
  expect(PHASES.filter((_phase, place) => of({})[place] === null)).toEqual([
    ...['Mirroring', 'TrafficShifting', 'Migrating', 'RollingBack', 'Failed'],
  ]);
  expect(of({})).toEqual(
    expect.arrayContaining([
      ...['all at the workload', 'all at the migrated workload', 'all at the workload, as before', 'untouched'],
    ]),
  );
  expect(of({ isDryRun: true }).filter((words) => words === 'untouched (dry run)')).toHaveLength(3);
  expect(requestsWords({ ...begun, phase: undefined })).toBe('all at the workload');
  expect(requestsWords({ ...begun, phase: 'Mirroring' })).toBeNull();
  expect(requestsWords({ ...begun, phase: 'Migrating' })).toBe('all at the migrated workload');
});

it.each(STRATEGIES)('has a share of the canary only where there is one: %s', (strategy) => {
  const isCanary = strategy === 'Canary';
  const words = requestsWords({ ...begun, phase: 'Mirroring', strategy });
  expect(words).toEqual(isCanary ? null : expect.stringMatching(/^not divided: /));
  expect(shareText({ phase: 'Mirroring', weight: 0, strategy })).toBe(isCanary ? '0 %' : '-');
});

it('is a number in a column while there is a canary, and none before and after', () => {
  const shares = PHASES.map((phase) => shareText({ phase, weight: 25, strategy: null }));
  expect(PHASES.filter((_phase, place) => shares[place] === '25 %')).toEqual([
    ...['Mirroring', 'TrafficShifting', 'Migrating', 'RollingBack', 'Failed'],
  ]);
  expect(shareText({ phase: 'TrafficShifting', weight: undefined, strategy: 'Canary' })).toBe('-');
});
