import { expect, it } from '@jest/globals';
import { PHASES } from './phases.js';
import { requestsWords, shareText } from './shares.js';

it('says where requests go once nothing divides them any more', () => {
  const of = (over: object) =>
    PHASES.map((phase) => requestsWords({ phase, weight: 50, isDryRun: false, isDivided: true, ...over }));
  expect(PHASES.filter((_phase, place) => of({})[place] === null)).toEqual([
    ...['Pending', 'Validating', 'Mirroring', 'TrafficShifting', 'Migrating', 'RollingBack', 'Failed'],
  ]);
  expect(of({})).toEqual(
    expect.arrayContaining(['all at the migrated workload', 'all at the workload, as before', 'untouched']),
  );
  expect(of({ isDryRun: true }).filter(Boolean)).toEqual(Array(3).fill('untouched (dry run)'));
  expect(of({ isDivided: false })).not.toContain(null);
  const begun = { weight: 0, isDryRun: false, isDivided: true };
  expect(requestsWords({ ...begun, phase: undefined })).toBeNull();
  expect(requestsWords({ ...begun, phase: 'Mirroring' })).toBeNull();
  expect(requestsWords({ ...begun, phase: 'Migrating' })).toBe('all at the migrated workload');
});

it('is a number in a column while there is a canary, and none once it is over', () => {
  expect([shareText('TrafficShifting', 25), shareText('Pending', undefined), shareText('Completed', 0)]).toEqual([
    '25 %',
    '-',
    '-',
  ]);
});
