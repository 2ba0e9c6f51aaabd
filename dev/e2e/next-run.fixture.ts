import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PlanSpecInput } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { NAMESPACE, type Engine } from './engine.fixture.js';
import type { Stack } from '../src/index.js';

/** CronJobs change, and their next run is judged, on a real cluster with its own controller. */

const CRON_JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs`;
const BINDINGS = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`;
const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
const jobSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), ownerReferences: z.array(z.looseObject({ name: z.string() })) }),
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).default({}) }),
    }),
  }),
  status: z.looseObject({ completionTime: z.string().optional() }).default({}),
});

interface Batch {
  name: string;
  image: string;
  suspend?: boolean;
}

/** Makes a CronJob for every minute with a ServiceAccount under anyuid, and lets it have run once. */
export async function aCronJob(stack: Stack, { name, image, suspend = false }: Batch): Promise<void> {
  const metadata = { name, namespace: NAMESPACE };
  await stack.api.create(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata });
  await stack.api.create(BINDINGS, {
    metadata: { ...metadata, name: `${name}-anyuid` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:openshift:scc:anyuid' },
    subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }],
  });
  const template = {
    metadata: { labels: { app: name } },
    spec: { serviceAccountName: name, restartPolicy: 'Never', containers: [{ name: 'app', image }] },
  };
  const cronJob = {
    ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata },
    spec: {
      ...{ schedule: '* * * * *', suspend },
      jobTemplate: { spec: { backoffLimit: 0, template } },
    },
  };
  const { metadata: made } = z
    .looseObject({ metadata: z.looseObject({ uid: z.string() }) })
    .parse(await stack.api.create(CRON_JOBS, cronJob));
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name, uid: made.uid, controller: true };
  const earlier = { name: `${name}-earlier`, namespace: NAMESPACE, ownerReferences: [owner] };
  await stack.api.create(JOBS, { ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: earlier }, spec: { template } });
  await waitFor(
    async () => jobSchema.parse(await stack.api.get(`${JOBS}/${earlier.name}`)).status.completionTime !== undefined,
    { timeoutMs: 60_000, what: `the earlier run of ${name}` },
  );
}

/** A plan for a CronJob. */
export const ofCronJob = (name: string, strategy: PlanSpecInput['strategy'] = {}): Partial<PlanSpecInput> => ({
  workloadRef: { apiVersion: 'batch/v1', kind: 'CronJob', name },
  strategy,
});

type Needed = Pick<Engine, 'apply' | 'untilPhase' | 'remains' | 'specOf'>;

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function nextRunSuite(running: () => Stack, { apply, untilPhase, remains, specOf }: Needed): void {
  /** Completes with a next run that is good. */
  async function nightly(): Promise<void> {
    await aCronJob(running(), { name: 'nightly', image: 'scc.poc/batch:1' });
    await apply('nightly', 'nightly', ofCronJob('nightly'));
    const status = await untilPhase('nightly', 'Completed');
    expect(status).toMatchObject({
      ...{ sourceSCC: 'anyuid', strategy: { type: 'NextRun' }, weight: 0 },
      pods: { total: 1, migrated: 1, bySCC: { 'restricted-v2': 1 } },
    });
    expect(status.warnings?.join()).toContain('waits for the next run of CronJob nightly by its schedule (* * * * *)');
    const bindings = await running().api.list(`${BINDINGS}?fieldSelector=metadata.name=nightly-anyuid`);
    expect(bindings.items).toEqual([]);
  }

  /** Gets its template back after a next run that fails. */
  async function backup(): Promise<void> {
    await aCronJob(running(), { name: 'backup', image: 'scc.poc/batch-as-root:1' });
    const before = await specOf(`${CRON_JOBS}/backup`);
    await apply('backup', 'backup', ofCronJob('backup'));
    const { message } = await untilPhase('backup', 'RolledBack');
    expect(message).toMatch(
      /gate next-run failed: run backup-\d+ failed: container app ended with exit code 1 \(Error: must run as root, not as uid \d+\)/,
    );
    expect(message).toContain('every touched object is as it was');
    expect(await specOf(`${CRON_JOBS}/backup`)).toEqual(before);
  }

  /** Is suspended: not observed while no run shows that it works, completes by a trial run that is good. */
  async function yearly(): Promise<void> {
    await aCronJob(running(), { name: 'yearly', image: 'scc.poc/batch:1', suspend: true });
    await apply('yearly-dry', 'yearly', { ...ofCronJob('yearly', { trialRun: true }), dryRun: true });
    const dry = await untilPhase('yearly-dry', 'Completed');
    expect(dry.message).toContain('Steps: grant restricted-v2, a trial run now, template, then its next run');
    expect(dry.warnings?.join()).toContain('CronJob yearly is suspended');
    await apply('yearly-unseen', 'yearly', ofCronJob('yearly', { waitForRun: '1s' }));
    const { message } = await untilPhase('yearly-unseen', 'Completed');
    expect(message).toContain('nothing has run under it yet (not observed)');
    const old = await running().api.list(`${BINDINGS}?fieldSelector=metadata.name=yearly-anyuid`);
    expect(old.items).toHaveLength(1);
    await apply('yearly-tried', 'yearly', ofCronJob('yearly', { waitForRun: '10s', trialRun: true }));
    const { pods } = await untilPhase('yearly-tried', 'Completed');
    expect(pods).toEqual({ total: 1, migrated: 1, bySCC: { 'restricted-v2': 1 } });
  }

  /** Each waits for the next minute, while the other tests run. */
  let scheduled: Promise<unknown>;
  beforeAll(() => {
    scheduled = Promise.all([nightly(), backup()]);
    scheduled.catch(() => undefined);
  });

  describe('a CronJob', () => {
    it('completes by a run that is good, and is undone after one that fails', async () => {
      await yearly();
      await scheduled;
      expect(await remains()).toEqual([]);
      for (const name of ['nightly', 'backup', 'yearly']) await running().api.call('DELETE', `${CRON_JOBS}/${name}`);
    });
  });
}
