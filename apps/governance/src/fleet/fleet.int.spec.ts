import { describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import { defaultSCCs } from '@scc/scc';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  inTx,
  NOON,
  ownWorkload,
  recorded,
  reportCovered,
} from '../governance.fixture.js';
import { GovernanceMetrics } from '../health/metrics.js';
import { observeSCC } from '../registry/versions.js';
import { governanceSuite } from '../suite.fixture.js';
import { watchFleet } from './metrics.js';

const database = governanceSuite();
const logger = createLogger('test', 'silent');

type Events = typeof completedEvents;

/** A plan whose events begin now, so that it ends after the watch began. */
async function reported(name: string, events: Events, spec: Record<string, unknown> = {}): Promise<string> {
  const workload = ownWorkload(name);
  const request = aRequest({ ...workload, spec: { ...workload.spec, ...spec } });
  const { uid } = request.plan;
  await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  const lateMs = Date.now() + 1000 - Date.parse(NOON);
  const shifted = recorded(events).map((event) => ({
    ...event,
    at: new Date(Date.parse(event.at) + lateMs).toISOString(),
  }));
  await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, shifted), at(new Date().toISOString())));
  return uid;
}

const begun = completedEvents.slice(0, 5);

describe('watchFleet', () => {
  it('shows migrations by phase, outcome, cause, wait and weight, approvals and pods', async () => {
    const metrics = new GovernanceMetrics();
    const watch = watchFleet(metrics, { source: database.app, logger });
    const linesOf = async (): Promise<string[]> =>
      (await metrics.scrape()).body.split('\n').filter((line) => line.startsWith('scc_governance_'));
    expect(await linesOf()).toContain('scc_governance_approvals_waiting Nan');

    await reported('fleet-done', completedEvents);
    await reported('fleet-moving', begun);
    await reported('fleet-waiting', [
      ...begun,
      ['TrafficShifting', { type: 'WaitStarted', reason: 'Window', message: 'opens at noon' }],
    ]);
    await reported('fleet-resumed', [
      ...begun,
      ['TrafficShifting', { type: 'WaitStarted', reason: 'Paused', message: 'paused by ana' }],
      ['TrafficShifting', { type: 'WaitEnded', reason: 'Paused' }],
    ]);
    await reported('fleet-back', [
      ...begun,
      ['RollingBack', { type: 'UndoStarted', cause: 'gate', message: 'success-rate' }],
      ['RolledBack', { type: 'UndoFinished', differences: [] }],
    ]);
    await reported('fleet-asked', completedEvents.slice(0, 3), { approval: { required: true } });
    await database.admin.query(
      `insert into tracked_pod (uid, namespace, name, scc, first_seen, last_seen, gone_at, confirmed) values
       ('p1', 'shop', 'p1', 'anyuid', now(), now(), null, true), ('p2', 'shop', 'p2', null, now(), now(), null, true),
       ('p3', 'shop', 'p3', 'anyuid', now(), now(), now(), true)`,
    );
    const anyuid = defaultSCCs().find(({ metadata }) => metadata.name === 'anyuid');
    if (!anyuid) throw new Error('there is no default anyuid');
    await inTx(database.app, (tx) =>
      observeSCC(tx, 'anyuid', { ...anyuid, allowHostNetwork: true }, { at: new Date() }),
    );
    await watch.look();
    // A second look tells no stay again.
    await watch.look();

    const lines = await linesOf();
    const expected = [
      'migrations{phase="Completed"} 1',
      'migrations{phase="TrafficShifting"} 3',
      'migrations{phase="RolledBack"} 1',
      'migrations{phase="Failed"} 0',
      'migrations_ended_total{outcome="completed"} 1',
      'migrations_ended_total{outcome="rolledBack"} 1',
      'migration_undos_total{cause="gate"} 1',
      'gate_checks_total{verdict="pass"} 1',
      'migrations_waiting{reason="Window"} 1',
      'migrations_waiting{reason="Paused"} 0',
      'migration_canary_weight{namespace="shop",name="fleet-moving"} 100',
      'scc_drift{relation="wider"} 1',
      'scc_drift{relation="narrower"} 0',
      'pods{scc="anyuid"} 1',
      'pods{scc="none"} 1',
      'approvals_waiting 1',
      'migration_phase_seconds_sum{phase="TrafficShifting"} 180',
      'migration_phase_seconds_count{phase="TrafficShifting"} 2',
      'migration_phase_seconds_count{phase="RollingBack"} 1',
    ];
    for (const line of expected) expect(lines).toContain(`scc_governance_${line}`);
    expect(lines.filter((line) => line.includes('canary_weight{'))).toHaveLength(3);
  });

  it('keeps the last figures while the database does not answer', async () => {
    const metrics = new GovernanceMetrics();
    let isAway = false;
    const source = new Proxy(database.app, {
      get: (target, key): unknown =>
        key === 'query' && isAway
          ? () => Promise.reject(new Error('connect ECONNREFUSED'))
          : (Reflect.get(target, key) as unknown),
    });
    const watch = watchFleet(metrics, { source, logger });
    await watch.look();
    const before = watch.now;
    isAway = true;
    await watch.look();
    expect(before).not.toBeNull();
    expect(watch.now).toBe(before);
  });
});
