import { describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import { EVERYWHERE } from '../call/scope.js';
import { NOON } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { hasEnded, observePod, type PodObservation } from './observation.js';
import { countBySCC, countsOverTime, findPods, transitionsOf } from './queries.js';
import { PodQueue } from './queue.js';
import { type PodNews, reconcilePods, trackPods } from './tracking.js';

const database = governanceSuite();

const minute = (minutes: number): Date => new Date(Date.parse(NOON) + minutes * 60_000);
const aPod = (uid: string, scc: string | null, over: Partial<PodObservation> = {}): PodObservation => ({
  uid,
  namespace: 'shop',
  name: uid,
  scc,
  subjectType: 'serviceaccount',
  image: 'ledger:1',
  node: 'node-1',
  ownerKind: 'Deployment',
  ownerName: 'ledger',
  plan: null,
  ...over,
});
const seen = (pod: PodObservation, at = minute(0)): PodNews => ({ type: 'seen', pod, at });
const running = async (scc: string): Promise<string[]> =>
  (await findPods(database.app, { scc, running: true }, { limit: 100, after: null, scope: EVERYWHERE })).map(
    ({ uid }) => uid,
  );

describe('observePod', () => {
  const pod = {
    metadata: {
      uid: 'u',
      namespace: 'shop',
      name: 'ledger-5d4f-x',
      labels: { 'pod-template-hash': '5d4f', 'scc.poc/plan': 'to-restricted' },
      annotations: { 'openshift.io/scc': 'anyuid', 'security.openshift.io/validated-scc-subject-type': 'user' },
      ownerReferences: [{ kind: 'ReplicaSet', name: 'ledger-5d4f', controller: true }],
    },
    spec: { nodeName: 'node-1', containers: [{ image: 'ledger:1' }] },
    status: { phase: 'Running' },
  };

  it('names the Deployment behind a ReplicaSet', () => {
    expect(observePod(pod)).toEqual({
      uid: 'u',
      namespace: 'shop',
      name: 'ledger-5d4f-x',
      scc: 'anyuid',
      subjectType: 'user',
      image: 'ledger:1',
      node: 'node-1',
      ownerKind: 'Deployment',
      ownerName: 'ledger',
      plan: 'to-restricted',
    });
  });

  it('has nothing to say of a pod without a uid', () => {
    expect(observePod({ ...pod, metadata: { ...pod.metadata, uid: undefined } })).toBeNull();
  });

  it('knows that a pod has ended', () => {
    expect([hasEnded(pod), hasEnded({ ...pod, status: { phase: 'Failed' } })]).toEqual([false, true]);
  });
});

describe('trackPods', () => {
  it('keeps transitions, and answers which pods still run under an SCC', async () => {
    await trackPods(database.app, [seen(aPod('a', 'anyuid')), seen(aPod('b', 'anyuid'))]);
    await trackPods(database.app, [seen(aPod('a', 'restricted-v2'), minute(1)), seen(aPod('b', 'anyuid'), minute(1))]);
    expect(await running('anyuid')).toEqual(['b']);
    await trackPods(database.app, [{ type: 'gone', uid: 'b', at: minute(2) }]);
    expect(await running('anyuid')).toEqual([]);
    expect(await transitionsOf(database.app, 'a')).toMatchObject([
      { change: 'appeared', from: null, to: 'anyuid' },
      { change: 'changed', from: 'anyuid', to: 'restricted-v2' },
    ]);
    expect(await transitionsOf(database.app, 'b')).toMatchObject([
      { change: 'appeared' },
      { change: 'gone', from: 'anyuid' },
    ]);
    expect(await countBySCC(database.app, EVERYWHERE)).toEqual([{ scc: 'restricted-v2', pods: 1 }]);
  });

  it('never lets a hint overwrite what the cluster showed', async () => {
    await trackPods(database.app, [seen(aPod('c', 'nonroot'))]);
    await trackPods(database.app, [{ type: 'hint', pod: aPod('c', 'hinted'), at: minute(1) }]);
    expect(await running('nonroot')).toEqual(['c']);
    expect(await transitionsOf(database.app, 'c')).toHaveLength(1);
  });

  it('survives two writers with the same pods in another order', async () => {
    const pods = Array.from({ length: 200 }, (_none, number) => seen(aPod(`many-${number}`, 'hostaccess')));
    await Promise.all([0, 1, 2, 3].map((turn) => trackPods(database.app, turn % 2 ? pods : pods.toReversed())));
    expect((await countBySCC(database.app, EVERYWHERE)).find(({ scc }) => scc === 'hostaccess')).toEqual({
      scc: 'hostaccess',
      pods: 200,
    });
    await reconcilePods(database.app, ['a', 'c'], minute(5));
    expect(await running('hostaccess')).toEqual([]);
  });
});

describe('reconcilePods', () => {
  it('heals a missed deletion and leaves fresh hints alone', async () => {
    await trackPods(database.app, [seen(aPod('missed', 'privileged')), seen(aPod('there', 'privileged'))]);
    await trackPods(database.app, [{ type: 'hint', pod: aPod('hinted', 'privileged'), at: minute(9) }]);
    await reconcilePods(database.app, ['there', 'a', 'c'], minute(10));
    expect(await running('privileged')).toEqual(['hinted', 'there']);
    await reconcilePods(database.app, ['there', 'a', 'c'], minute(12));
    expect(await running('privileged')).toEqual(['there']);
  });
});

describe('findPods', () => {
  it('pages without gaps and repeats while pods come and go', async () => {
    const pods = Array.from({ length: 25 }, (_none, number) =>
      seen(aPod(`page-${String(number).padStart(2, '0')}`, 'paged', { namespace: `ns-${number % 3}` })),
    );
    await trackPods(database.app, pods);
    const found: string[] = [];
    for (let after = null as { namespace: string; name: string; uid: string } | null; ;) {
      const page = await findPods(
        database.app,
        { scc: 'paged', running: true },
        { limit: 10, after, scope: EVERYWHERE },
      );
      found.push(...page.map(({ uid }) => uid));
      const last = page.at(-1);
      if (!last) break;
      after = last;
      await trackPods(database.app, [seen(aPod(`before-${found.length}`, 'paged', { namespace: 'a' }))]);
    }
    expect(found).toHaveLength(25);
    expect(new Set(found).size).toBe(25);
  });
});

describe('countsOverTime', () => {
  it('counts the pods that ran at each point, in the namespaces of the caller', async () => {
    const place = { namespace: 'past' };
    await trackPods(database.app, [
      seen(aPod('past-1', 'anyuid', place), minute(-90)),
      seen(aPod('past-2', 'restricted-v2', place), minute(-30)),
    ]);
    await trackPods(database.app, [{ type: 'gone', uid: 'past-1', at: minute(-10) }]);
    const points = await countsOverTime(database.app, { hours: 2, now: minute(0), scope: ['past'] });
    expect(points).toHaveLength(31);
    expect(points[0]).toEqual({ at: minute(-120).toISOString(), counts: [] });
    const at = (minutes: number) => points.find((point) => point.at === minute(minutes).toISOString())?.counts;
    expect(at(-60)).toEqual([{ scc: 'anyuid', pods: 1 }]);
    expect(at(-20)).toEqual([
      { scc: 'anyuid', pods: 1 },
      { scc: 'restricted-v2', pods: 1 },
    ]);
    expect(at(0)).toEqual([{ scc: 'restricted-v2', pods: 1 }]);
    expect(await countsOverTime(database.app, { hours: 2, now: minute(0), scope: ['elsewhere'] })).not.toContainEqual(
      expect.objectContaining({ counts: [expect.anything()] }),
    );
  });
});

describe('PodQueue', () => {
  const queue = (write: (news: PodNews[]) => Promise<void>, capacity = 100): PodQueue =>
    new PodQueue({ capacity, batchSize: 10, everyMs: 60_000, write, logger: createLogger('spec', 'silent') });

  it('holds the newest news of each pod, and no more than its capacity', async () => {
    const written: PodNews[] = [];
    const pods = queue((news) => Promise.resolve(void written.push(...news)), 3);
    pods.add(seen(aPod('1', 'old')));
    pods.add({ type: 'hint', pod: aPod('1', 'hinted'), at: minute(1) });
    pods.add(seen(aPod('1', 'new')));
    for (const uid of ['2', '3', '4']) pods.add(seen(aPod(uid, 'x')));
    await pods.flush();
    expect(written.map((news) => (news.type === 'gone' ? news.uid : news.pod.uid))).toEqual(['2', '3', '4']);
    expect(pods.dropped).toBe(1);
  });

  it('goes on after the database was away', async () => {
    let away = true;
    const written: PodNews[] = [];
    const pods = queue((news) =>
      away ? Promise.reject(new Error('database away')) : Promise.resolve(void written.push(...news)),
    );
    pods.add(seen(aPod('lost', 'x')));
    await pods.flush();
    away = false;
    pods.add(seen(aPod('kept', 'x')));
    await pods.flush();
    expect(written).toHaveLength(1);
    expect(pods.dropped).toBe(1);
  });
});
