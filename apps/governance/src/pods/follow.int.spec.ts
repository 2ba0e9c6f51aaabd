import { describe, expect, it } from '@jest/globals';
import type { MakeInformer } from '@scc/kube';
import { createLogger, waitFor } from '@scc/runtime';
import { defaultSCCs } from '@scc/scc';
import { EVERYWHERE } from '../call/scope.js';
import { followSCCs } from '../registry/follow.js';
import { driftFromDefaults } from '../registry/queries.js';
import { governanceSuite } from '../suite.fixture.js';
import { PodTracker } from './follow.js';
import { observePod } from './observation.js';
import { findPods } from './queries.js';

const silent = createLogger('spec', 'silent');
const database = governanceSuite();

interface Named {
  metadata: { namespace?: string; name: string };
}

/** The objects of a cluster, and an informer on it that can be made to miss events. */
class Cluster<Item extends Named> {
  private readonly items = new Map<string, Item>();
  private tell: Parameters<MakeInformer>[1] = () => undefined;
  private deaf = false;

  readonly makeInformer: MakeInformer = (_kind, onChange) => {
    this.tell = onChange;
    return {
      start: () => undefined,
      stop: () => undefined,
      synced: Promise.resolve(),
      lastContactMs: () => 0,
      list: () => [...this.items.values()],
    };
  };

  set(key: string, item: Item | undefined): void {
    const previous = this.items.get(key);
    if (item) this.items.set(key, item);
    else this.items.delete(key);
    if (!this.deaf) this.tell(key, item, previous);
  }

  missing(work: () => void): void {
    this.deaf = true;
    work();
    this.deaf = false;
  }
}

const pod = (name: string, scc: string, over: { uid?: string; phase?: string } = {}) => ({
  metadata: { uid: over.uid ?? name, namespace: 'shop', name, annotations: { 'openshift.io/scc': scc } },
  spec: { nodeName: 'node', containers: [{ image: 'i' }] },
  status: { phase: over.phase ?? 'Running' },
});
const running = async (scc: string): Promise<string[]> =>
  (await findPods(database.app, { scc, running: true }, { limit: 100, after: null, scope: EVERYWHERE })).map(
    ({ uid }) => uid,
  );
const eventually = (what: string, condition: () => Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { timeoutMs: 10_000, everyMs: 20, what });
const becomes = (scc: string, uids: string[]): Promise<unknown> =>
  eventually(`pods under ${scc}`, async () => (await running(scc)).join() === uids.join());

describe('PodTracker', () => {
  it('follows pods, takes hints, and heals what it missed when it starts again', async () => {
    const cluster = new Cluster<ReturnType<typeof pod>>();
    const first = new PodTracker(database.app, cluster.makeInformer, silent);
    first.start();
    cluster.set('a', pod('a', 'anyuid'));
    cluster.set('b', pod('b', 'anyuid'));
    first.hint([pod('hinted', 'anyuid')].flatMap((object) => observePod(object) ?? []));
    await becomes('anyuid', ['a', 'b', 'hinted']);
    cluster.set('b', pod('b', 'anyuid', { phase: 'Succeeded' }));
    cluster.set('a', pod('a', 'anyuid', { uid: 'a-again' }));
    await becomes('anyuid', ['a-again', 'hinted']);
    await first.stop();

    cluster.missing(() => {
      cluster.set('a', undefined);
      cluster.set('c', pod('c', 'anyuid'));
    });
    const second = new PodTracker(database.app, cluster.makeInformer, silent);
    second.start();
    await becomes('anyuid', ['c', 'hinted']);
    await second.stop();
  });
});

describe('the row of a pod that runs', () => {
  it('is as the cluster says again with the next look, whatever somebody made of it', async () => {
    const cluster = new Cluster<ReturnType<typeof pod>>();
    cluster.set('told', pod('told', 'nonroot-v2'));
    const follow = async (): Promise<void> => {
      const tracker = new PodTracker(database.app, cluster.makeInformer, silent);
      tracker.start();
      await becomes('nonroot-v2', ['told']);
      await tracker.stop();
    };
    const rows = () => database.admin.query("select scc, node, image, gone_at from tracked_pod where uid = 'told'");
    await follow();
    const before: unknown = await rows();
    for (const lie of [
      `scc = 'privileged', node = 'other', image = 'other'`,
      `scc = 'privileged', gone_at = now(), last_seen = now()`,
    ]) {
      await database.admin.query(`update tracked_pod set ${lie} where uid = 'told'`);
      await follow();
      expect(await rows()).toEqual(before);
    }
  });
});

describe('followSCCs', () => {
  it('enters what the cluster has, what changes, and what went away unseen', async () => {
    const cluster = new Cluster<ReturnType<typeof defaultSCCs>[number]>();
    for (const scc of defaultSCCs()) cluster.set(scc.metadata.name, scc);
    const first = followSCCs({ source: database.app, makeInformer: cluster.makeInformer, logger: silent });
    const drifts = async (): Promise<string[]> =>
      (await driftFromDefaults(database.app)).map(({ name, relation }) => `${name} ${relation}`);
    await eventually('all defaults', async () => (await drifts()).length === defaultSCCs().length);
    expect((await drifts()).every((drift) => drift.endsWith('equal'))).toBe(true);

    const [restricted] = defaultSCCs().filter(({ metadata }) => metadata.name === 'restricted');
    if (!restricted) throw new Error('no default restricted');
    cluster.set('restricted', { ...restricted, allowPrivilegedContainer: true });
    await eventually('drift', async () => (await drifts()).includes('restricted wider'));
    await first.stop();
    cluster.missing(() => cluster.set('nonroot', undefined));
    const second = followSCCs({ source: database.app, makeInformer: cluster.makeInformer, logger: silent });
    await eventually('the deletion', async () => !(await drifts()).includes('nonroot equal'));
    await second.stop();
  });
});
