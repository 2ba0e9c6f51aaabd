import { describe, expect, it } from '@jest/globals';
import type { KubeEvent, KubeObject } from '@scc/kube';
import { createLogger } from '@scc/runtime';
import { defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import { EVERYWHERE } from '../call/scope.js';
import { inTx, NOON, row } from '../governance.fixture.js';
import { type PodNews, trackPods } from '../pods/tracking.js';
import { governanceSuite } from '../suite.fixture.js';
import { affectedBy, driftFromDefaults, workloadHistory } from './queries.js';
import { observeSCC } from './versions.js';
import { recordObserved, type RegistryCluster } from './watch.js';
import { keepWrites } from './writes.js';

/** Who made a change that no plan explains, and how people hear of it. */

const database = governanceSuite();
const logger = createLogger('spec', 'silent');
const minute = (minutes: number): Date => new Date(Date.parse(NOON) + minutes * 60_000);
const seconds = (minutes: number): string => minute(minutes).toISOString().replace('.000Z', 'Z');

async function version(name: string, minutes: number, over: Partial<SecurityContextConstraints> = {}): Promise<string> {
  const found = defaultSCCs().find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`no default ${name}`);
  const seen = await inTx(database.app, (tx) => observeSCC(tx, name, { ...found, ...over }, { at: minute(minutes) }));
  return seen.version ?? '';
}
const seen = (owner: string, uid: string, scc: string, minutes: number): PodNews => ({
  type: 'seen',
  pod: {
    ...{ uid, namespace: 'shop', name: uid, scc, subjectType: null, image: null, node: null, plan: null },
    ...{ ownerKind: 'Deployment', ownerName: owner },
  },
  at: minute(minutes),
});
const track = (...news: PodNews[]) => trackPods(database.app, news);
const workload = (name: string) => ({ namespace: 'shop', kind: 'Deployment', name });

/** A cluster that holds objects with these writers of their templates, and keeps the events that it is told. */
function clusterOf(writers: readonly { kind: string; name: string; manager: string; at: number }[]) {
  const events: KubeEvent[] = [];
  const objectOf = ({ kind, name, manager, at }: (typeof writers)[number]): KubeObject => ({
    ...{ apiVersion: 'v1', kind },
    metadata: {
      name,
      managedFields: [
        { manager, operation: 'Update', time: seconds(at), fieldsV1: { 'f:spec': { 'f:template': {} } } },
      ],
    },
  });
  const cluster: RegistryCluster = {
    list: ({ kind }, { fieldSelector = '' } = {}) => {
      const items = writers.filter((one) => one.kind === kind && fieldSelector === `metadata.name=${one.name}`);
      return Promise.resolve({ items: items.map(objectOf), resourceVersion: '1' });
    },
    recordEvent: (event) => {
      events.push(event);
      return Promise.resolve();
    },
  };
  return { cluster, events };
}

async function editedByHand(name: string, minutes: number): Promise<void> {
  await version('restricted-v2', 0);
  await version('anyuid', 0);
  await track(seen(name, `${name}-1`, 'restricted-v2', 1));
  await recordObserved({ source: database.app, cluster: null, logger }, minute(2));
  await track(seen(name, `${name}-2`, 'anyuid', minutes), { type: 'gone', uid: `${name}-1`, at: minute(minutes) });
}

describe('a change by hand', () => {
  it('has its field manager and its user in the registry and the audit log, and an event of the workload', async () => {
    await editedByHand('hand', 10);
    await keepWrites(database.app, [
      { ...workload('hand'), by: 'ana', at: minute(0.5).toISOString() },
      { ...workload('hand'), by: 'mallory', at: minute(9).toISOString() },
      { ...workload('hand'), by: 'olga', at: minute(11).toISOString() },
    ]);
    const { cluster, events } = clusterOf([{ kind: 'Deployment', name: 'hand', manager: 'kubectl-edit', at: 9 }]);
    await recordObserved({ source: database.app, cluster, logger }, minute(12));
    const writer = { manager: 'kubectl-edit', user: 'mallory' };
    expect(await workloadHistory(database.app, workload('hand'))).toMatchObject([
      { scc: 'anyuid', reason: 'changed', actor: writer.user, manager: writer.manager, planUid: null },
      { scc: 'restricted-v2', deactivatedBy: 'a change without a plan by mallory with kubectl-edit' },
    ]);
    expect(
      await row(
        database.app,
        `select convert_from(body, 'UTF8')::json -> 'details' as details from audit_entry
         where action = 'workload.sccChanged' and object_name = 'hand'`,
      ),
    ).toMatchObject({ details: { ...writer, reason: 'changed', relation: 'wider' } });
    expect(events).toMatchObject([
      {
        ...{ regarding: { kind: 'Deployment', namespace: 'shop', name: 'hand' }, type: 'Warning' },
        reason: 'SCCLoosenedWithoutPlan',
        message: expect.stringMatching(
          /^its pods run under anyuid .* instead of restricted-v2 .* mallory with kubectl-edit/,
        ),
      },
    ]);
  });

  it('is recorded without a writer when no write explains it, and when the cluster does not answer', async () => {
    await editedByHand('rights', 10);
    await editedByHand('away', 10);
    const { cluster } = clusterOf([{ kind: 'Deployment', name: 'rights', manager: 'helm', at: 1 }]);
    const list: RegistryCluster['list'] = (kind, options) =>
      options?.fieldSelector === 'metadata.name=away' ? Promise.reject(new Error('away')) : cluster.list(kind, options);
    await recordObserved({ source: database.app, cluster: { ...cluster, list }, logger }, minute(12));
    for (const name of ['rights', 'away'])
      expect(await workloadHistory(database.app, workload(name))).toMatchObject([
        { scc: 'anyuid', reason: 'changed', actor: null, manager: null },
        { deactivatedBy: 'a change without a plan by an unknown client' },
      ]);
  });

  it('names who edited the SCC, when the pods were started again since', async () => {
    const first = await version('nonroot', 0);
    await track(seen('scc', 'scc-1', 'nonroot', 1));
    await recordObserved({ source: database.app, cluster: null, logger }, minute(2));
    const second = await version('nonroot', 5, { allowHostPorts: true });
    await track({ type: 'gone', uid: 'scc-1', at: minute(8) }, seen('scc', 'scc-2', 'nonroot', 8));
    await keepWrites(database.app, [
      { namespace: '', kind: 'SecurityContextConstraints', name: 'nonroot', by: 'pam', at: minute(5).toISOString() },
    ]);
    const { cluster, events } = clusterOf([
      { kind: 'SecurityContextConstraints', name: 'nonroot', manager: 'kubectl-edit', at: 5 },
      { kind: 'Deployment', name: 'scc', manager: 'kubectl-rollout', at: 7 },
    ]);
    await recordObserved({ source: database.app, cluster, logger }, minute(9));
    expect((await workloadHistory(database.app, workload('scc')))[0]).toMatchObject({
      ...{ reason: 'sccEdited', actor: 'pam', manager: 'kubectl-edit', version: second },
    });
    expect(events[0]?.message).toContain('the SCC was edited by pam with kubectl-edit, and permits more than before');
    expect(first).not.toBe(second);
  });
});

describe('an SCC that was edited', () => {
  it('is counted by content: its old one as long as pods run under it', async () => {
    const first = await version('hostaccess', 0);
    await track(seen('counted', 'counted-1', 'hostaccess', 1), seen('counted', 'counted-2', 'hostaccess', 1));
    const second = await version('hostaccess', 5, { allowHostPorts: false });
    await track(seen('counted', 'counted-3', 'hostaccess', 6));
    const workloads = (pods: number) => ({ workloads: [{ name: 'counted', pods }], pods });
    expect(await affectedBy(database.app, first, EVERYWHERE)).toMatchObject(workloads(2));
    expect(await affectedBy(database.app, second, EVERYWHERE)).toMatchObject(workloads(1));
    const drift = (await driftFromDefaults(database.app)).filter(({ name }) => name === 'hostaccess');
    expect(drift).toMatchObject([
      { version: second, present: true, pods: 1, relation: 'narrower' },
      { version: first, present: false, pods: 2, relation: 'equal' },
    ]);
    expect(await affectedBy(database.app, first, ['elsewhere'])).toEqual({ workloads: [], pods: 0 });
  });
});
