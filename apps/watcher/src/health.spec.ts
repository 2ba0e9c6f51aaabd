import { dead, unready, type ReplicaState } from './health.js';

const informer = { synced: true, lastContactMs: 100, lastAttemptMs: 100, lastError: null };
const standby: ReplicaState = { stopping: false, leaseContactMs: 100, informer: null, temporalFault: null };
const leader: ReplicaState = { ...standby, informer };
const HOUR_MS = 3_600_000;

describe('health of a watcher', () => {
  it.each<[string, ReplicaState, string | null, string | null]>([
    ['is good while it leads', leader, null, null],
    ['is good while it stands by', standby, null, null],
    ['is not ready while it stops', { ...standby, stopping: true }, 'stopping', null],
    [
      'is not ready before the API server ever answered',
      { ...standby, leaseContactMs: null },
      'the API server has not answered yet',
      null,
    ],
    [
      'is not ready before the first list, and says why',
      { ...leader, informer: { ...informer, synced: false, lastError: 'connect ECONNREFUSED' } },
      'plans are not listed yet: connect ECONNREFUSED',
      null,
    ],
    [
      'is not ready without an API server, which no restart would bring back',
      { ...leader, leaseContactMs: HOUR_MS, informer: { ...informer, lastContactMs: HOUR_MS } },
      'the API server has not answered for 3600 s',
      null,
    ],
    [
      'is not ready without Temporal, and says why',
      { ...standby, temporalFault: 'Temporal at temporal:7233 does not answer' },
      'Temporal at temporal:7233 does not answer',
      null,
    ],
    [
      'is lost when the watch is neither heard nor tried again',
      { ...leader, informer: { ...informer, lastContactMs: HOUR_MS, lastAttemptMs: HOUR_MS } },
      null,
      'plans were not watched for 3600 s',
    ],
  ])('%s', (...[, condition, notReady, lost]) => {
    expect(unready(condition)).toBe(notReady);
    expect(dead(condition)).toBe(lost);
  });
});
