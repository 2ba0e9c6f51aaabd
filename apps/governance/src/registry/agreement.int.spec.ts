import { describe, expect, it } from '@jest/globals';
import { hashOf } from '@scc/audit';
import type { MakeInformer } from '@scc/kube';
import { createLogger, waitFor } from '@scc/runtime';
import { defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import { scaled, seedOf } from '@scc/testing/scale';
import { z } from 'zod';
import { EVERYWHERE } from '../call/scope.js';
import { rowsOf } from '../database/rows.js';
import { PodTracker } from '../pods/follow.js';
import { findPods } from '../pods/queries.js';
import { governanceSuite } from '../suite.fixture.js';
import { followSCCs } from './follow.js';
import { workloadAt } from './queries.js';
import { contentOf } from './versions.js';
import { recordObserved } from './watch.js';

/** Registry, pod tracking and the cluster agree, whatever is edited, started, deleted or restarted in between. */

const TURNS = scaled(30);
const TIMEOUT_MS = Math.max(120_000, scaled(120_000));
const MAX_PODS = 60;
const database = governanceSuite();
const logger = createLogger('spec', 'silent');
const NAMES = ['restricted-v2', 'nonroot', 'anyuid'];
const WORKLOADS = ['ledger', 'cart'];

interface Named {
  metadata: { name: string };
}
type Tell = Parameters<MakeInformer>[1];

/** The pods and SCCs that a cluster has, and the informers that follow them. */
class Cluster {
  readonly pods = new Map<string, ReturnType<typeof podOf> & { content: string }>();
  readonly sccs = new Map<string, SecurityContextConstraints>();
  private readonly tellers = new Map<string, Tell>();

  readonly makeInformer: MakeInformer = ({ kind }, tell) => ({
    start: () => void this.tellers.set(kind, tell),
    stop: () => this.tellers.delete(kind),
    synced: Promise.resolve(),
    lastContactMs: () => 0,
    list: () => [...(kind === 'Pod' ? this.pods : this.sccs).values()] as Named[],
  });

  edit(scc: SecurityContextConstraints): void {
    const { name } = scc.metadata;
    const before = this.sccs.get(name);
    this.sccs.set(name, scc);
    this.tellers.get('SecurityContextConstraints')?.(name, scc, before);
  }

  start(workload: string, scc: string, uid: string): void {
    const found = this.sccs.get(scc);
    if (!found) throw new Error(`the cluster has no ${scc}`);
    const pod = { ...podOf(workload, scc, uid), content: hashOf(contentOf(found)) };
    this.pods.set(uid, pod);
    this.tellers.get('Pod')?.(`shop/${uid}`, pod, undefined);
  }

  delete(uid: string): void {
    const pod = this.pods.get(uid);
    this.pods.delete(uid);
    if (pod) this.tellers.get('Pod')?.(`shop/${uid}`, undefined, pod);
  }
}

const podOf = (workload: string, scc: string, uid: string) => ({
  metadata: {
    ...{ uid, namespace: 'shop', name: uid, creationTimestamp: new Date().toISOString() },
    annotations: { 'openshift.io/scc': scc },
    ownerReferences: [{ kind: 'StatefulSet', name: workload, controller: true }],
  },
  spec: { nodeName: 'node', containers: [{ image: 'i' }] },
  status: { phase: 'Running' },
});

/** Numbers below a bound that are the same in every run. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * bound);
  };
}

const governance = (cluster: Cluster) => {
  const { makeInformer } = cluster;
  const pods = new PodTracker(database.app, makeInformer, logger);
  pods.start();
  const sccs = followSCCs({ source: database.app, makeInformer, logger });
  return async (): Promise<void> => {
    await pods.stop();
    await sccs.stop();
  };
};

const trackedRow = z.object({ uid: z.string(), content: z.string().nullable() });

/** Each running pod with its SCC and the content of it, as pod tracking has them. */
async function tracked(): Promise<string[]> {
  await recordObserved({ source: database.app, cluster: null, logger }, new Date());
  const contents = await rowsOf(
    database.app,
    trackedRow,
    `select p.uid, v.content_hash as content from tracked_pod p left join scc_version v on v.id = p.scc_version
     where p.gone_at is null`,
  );
  const byUid = new Map(contents.map(({ uid, content }) => [uid, content]));
  const pods = await findPods(database.app, { running: true }, { limit: 500, after: null, scope: EVERYWHERE });
  return pods.map(({ uid, scc }) => `${uid} ${scc} ${byUid.get(uid)}`).sort();
}
const there = (cluster: Cluster): string[] =>
  [...cluster.pods.values()]
    .map(({ metadata, content }) => `${metadata.uid} ${metadata.annotations['openshift.io/scc']} ${content}`)
    .sort();

/** How many pods of a workload run under each SCC. */
const countsIn = (sccs: readonly (string | null)[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const scc of sccs) counts[scc ?? 'none'] = (counts[scc ?? 'none'] ?? 0) + 1;
  return counts;
};

describe('registry, pod tracking and cluster', () => {
  it(
    'agree at every sampled moment of edits, rollouts and restarts of governance',
    async () => {
      const cluster = new Cluster();
      for (const scc of defaultSCCs()) if (NAMES.includes(scc.metadata.name)) cluster.edit(scc);
      const next = numbers(seedOf(7));
      let stop = governance(cluster);
      let made = 0;
      const startSome = (): void => {
        if (cluster.pods.size >= MAX_PODS) return;
        made += 1;
        cluster.start(
          WORKLOADS[next(WORKLOADS.length)] ?? 'ledger',
          NAMES[next(NAMES.length)] ?? 'anyuid',
          `pod-${made}`,
        );
      };
      const deleteSome = (): void => {
        const uids = [...cluster.pods.keys()];
        cluster.delete(uids[next(uids.length)] ?? '');
      };
      const acts: (() => void | Promise<void>)[] = [
        ...[startSome, startSome, deleteSome],
        () => {
          const scc = cluster.sccs.get(NAMES[next(NAMES.length)] ?? 'anyuid');
          if (scc) cluster.edit({ ...scc, priority: next(1000) });
        },
        async () => {
          await stop();
          startSome();
          deleteSome();
          stop = governance(cluster);
        },
      ];
      for (let turn = 0; turn < TURNS; turn++) {
        await acts[next(acts.length)]?.();
        const agree = async (): Promise<boolean> => (await tracked()).join() === there(cluster).join();
        await waitFor(agree, { timeoutMs: 10_000, everyMs: 20, what: `agreement in turn ${turn}` });
        for (const name of WORKLOADS) {
          const workload = { namespace: 'shop', kind: 'StatefulSet', name };
          const observed = (await workloadAt(database.app, workload, new Date()))?.observed ?? [];
          const seen = countsIn(observed.flatMap(({ scc, pods }) => Array.from({ length: pods }, () => scc)));
          const own = [...cluster.pods.values()].filter(({ metadata }) => metadata.ownerReferences[0]?.name === name);
          expect(seen).toEqual(countsIn(own.map(({ metadata }) => metadata.annotations['openshift.io/scc'])));
        }
      }
      await stop();
    },
    TIMEOUT_MS,
  );
});
