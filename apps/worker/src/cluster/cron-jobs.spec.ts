import type { KubeObject } from '@scc/kube';
import { canaryLabels, FIELD_MANAGER } from '@scc/plan';
import {
  asksFor,
  heldUpBy,
  isSince,
  lastPods,
  lastWriteMs,
  lostSince,
  missedBy,
  type JobRun,
  runsAmong,
  standOfRun,
} from './cron-jobs.js';
import { podTemplateOf, templatePathOf } from './objects.js';

const cronJob: KubeObject = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'nightly', namespace: 'shop', uid: 'cron' },
  spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: { spec: { containers: [] } } } } },
};
const ownedBy = (uid: string) => [{ apiVersion: 'batch/v1', kind: 'X', name: 'x', uid, controller: true }];

interface JobOver {
  owner?: string;
  at?: string;
  scc?: string;
  labels?: Record<string, string>;
  condition?: string;
}
const job = (
  name: string,
  { owner = 'cron', at = '03:00:00', scc, labels = {}, condition }: JobOver = {},
): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, uid: name, labels, ownerReferences: ownedBy(owner), creationTimestamp: `2026-11-29T${at}Z` },
  spec: { template: { metadata: { annotations: scc ? { 'openshift.io/required-scc': scc } : {} }, spec: {} } },
  status: condition ? { conditions: [{ type: condition, status: 'True', message: 'as said' }] } : {},
});
const pod = (name: string, of: string, status: object = {}, scc = 'restricted-v2'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: name, ownerReferences: ownedBy(of), annotations: { 'openshift.io/scc': scc } },
  spec: { nodeName: 'n' },
  status,
});
const ended = (exitCode: number, reason = 'Error') => ({
  phase: exitCode === 0 ? 'Succeeded' : 'Failed',
  containerStatuses: [{ name: 'app', state: { terminated: { exitCode, reason } } }],
});

describe('the runs of a CronJob', () => {
  it('are the Jobs that its controller made, the newest first, with their pods', () => {
    const jobs = [job('old'), job('new', { at: '04:00:00' }), job('other', { owner: 'x' })];
    const trial = job('trial', { labels: canaryLabels('plan') });
    const runs = runsAmong(cronJob, { jobs: [...jobs, trial], pods: [pod('p', 'old'), pod('q', 'elsewhere')] });
    expect(runs.map((run) => [run.job.metadata.name, run.pods.map(({ metadata }) => metadata.name)])).toEqual([
      ['new', []],
      ['old', ['p']],
    ]);
  });

  it('show the pods of the last one that has any, also when they have ended', () => {
    const runs: JobRun[] = [
      { job: job('new'), pods: [] },
      { job: job('old'), pods: [pod('p', 'old', ended(0), 'anyuid')] },
    ];
    expect(lastPods(runs)).toMatchObject([{ name: 'p', scc: 'anyuid', ready: true }]);
    expect(lastPods([])).toEqual([]);
  });

  it('show how the last one failed', () => {
    const runs = runsAmong(cronJob, { jobs: [job('old')], pods: [pod('p', 'old', ended(1))] });
    expect(lastPods(runs)).toMatchObject([{ trouble: 'container app ended with exit code 1 (Error)' }]);
    const evicted = runsAmong(cronJob, { jobs: [job('old')], pods: [pod('p', 'old', { phase: 'Failed' })] });
    expect(lastPods(evicted)).toMatchObject([{ trouble: 'it failed' }]);
  });

  it('may be left out where they have to begin sooner than anybody looks', () => {
    const spec = { schedule: '* * * * *', concurrencyPolicy: 'Allow', suspend: false, jobTemplate: { spec: {} } };
    expect([spec, { ...spec, startingDeadlineSeconds: 10 }].map(missedBy)).toEqual(['', '']);
    expect(missedBy({ ...spec, startingDeadlineSeconds: 5 })).toContain('within 5 s is left out');
  });

  it('are told from earlier ones by the SCC that they ask for, and by the whole second in which they began', () => {
    expect(asksFor(job('a', { scc: 'restricted-v2' }), 'restricted-v2')).toBe(true);
    expect(asksFor(job('a'), 'restricted-v2')).toBe(false);
    expect(isSince(job('a'), Date.parse('2026-11-29T03:00:00.900Z'))).toBe(true);
    expect(isSince(job('a'), Date.parse('2026-11-29T03:00:01.000Z'))).toBe(false);
  });

  const later = '2026-11-29T03:01:00Z';
  it.each<[string, object, JobOver | null, string | null]>([
    ['none yet', {}, null, null],
    ['one of before', { lastScheduleTime: '2026-11-29T02:59:00Z' }, null, null],
    ['one that still runs', { lastScheduleTime: later, active: [{}] }, null, null],
    ['one that has ended and is there', { lastScheduleTime: later }, { at: '03:01:00' }, null],
    ['one that has ended and is gone', { lastScheduleTime: later }, { at: '02:59:00' }, later],
  ])('are known by the status of their CronJob when they are gone: %s', (_case, status, found, expected) => {
    const runs = found ? [{ job: job('run', found), pods: [] }] : [];
    expect(lostSince({ ...cronJob, status }, runs, Date.parse('2026-11-29T03:00:00Z'))).toBe(expected);
    expect(lostSince({ ...cronJob, status }, runs, 0)).toBeNull();
  });

  it.each<[string, string, JobOver, string]>([
    ['one that lasts', 'Forbid', {}, ' while its run run lasts (concurrencyPolicy: Forbid)'],
    ['none that has ended', 'Forbid', { condition: 'Failed' }, ''],
    ['none where runs may overlap', 'Allow', {}, ''],
  ])('let no other begin beside them: %s', (_case, concurrencyPolicy, over, expected) => {
    const spec = { ...(cronJob['spec'] as object), concurrencyPolicy };
    expect(heldUpBy({ ...cronJob, spec }, [{ job: job('run', over), pods: [] }])).toBe(expected);
  });

  it('begin with the last write of the engine, by the clock of the API server', () => {
    const time = '2026-11-29T03:00:00Z';
    const managedFields = [
      { manager: FIELD_MANAGER, time, operation: 'Update' },
      { manager: FIELD_MANAGER, time: '2026-11-29T05:00:00Z', operation: 'Update', subresource: 'status' },
      { manager: 'kubectl', time: '2026-11-29T04:00:00Z', operation: 'Update' },
    ];
    const written = { ...cronJob, metadata: { ...cronJob.metadata, managedFields } } as KubeObject;
    expect(lastWriteMs(written, FIELD_MANAGER)).toBe(Date.parse(time));
    expect(lastWriteMs(cronJob, FIELD_MANAGER)).toBe(0);
  });
});

describe('standOfRun', () => {
  const good = pod('p', 'run', ended(0));
  it.each<[string, JobRun, object]>([
    [
      'one that has no pod yet',
      { job: job('run'), pods: [] },
      { state: 'waiting', message: 'run run: it has no pod yet' },
    ],
    [
      'one that runs',
      { job: job('run'), pods: [pod('p', 'run', { phase: 'Running' })] },
      { state: 'waiting', message: 'run run: it has not ended' },
    ],
    [
      'one that is tried again',
      { job: job('run'), pods: [pod('p', 'run', ended(2))] },
      { state: 'waiting', message: 'run run: container app ended with exit code 2 (Error)' },
    ],
    [
      'one that ended well',
      { job: job('run', { condition: 'Complete' }), pods: [good] },
      { state: 'ended', isGood: true, message: 'run run ended well' },
    ],
    [
      'one that ended well at the second try',
      { job: job('run', { condition: 'Complete' }), pods: [pod('q', 'run', ended(1)), good] },
      { state: 'ended', isGood: true },
    ],
    [
      'one that failed',
      { job: job('run', { condition: 'Failed' }), pods: [pod('p', 'run', ended(1))] },
      {
        state: 'ended',
        isGood: false,
        message: 'run run failed: container app ended with exit code 1 (Error); as said',
      },
    ],
    [
      'one under another SCC, however it ends',
      { job: job('run', { condition: 'Complete' }), pods: [pod('p', 'run', ended(0), 'anyuid')] },
      { state: 'wrong', message: 'pod p of run run runs under anyuid instead of restricted-v2' },
    ],
    [
      'one whose pods are gone',
      { job: job('run', { condition: 'Complete' }), pods: [] },
      { state: 'ended', isGood: false, message: expect.stringContaining('nothing shows their SCC') as string },
    ],
  ])('%s', (_case, run, expected) => {
    expect(standOfRun(run, 'restricted-v2')).toMatchObject(expected);
  });
});

it('finds the pod template where its kind has it', () => {
  expect(podTemplateOf(cronJob)).toEqual({ spec: { containers: [] } });
  expect(podTemplateOf({ ...cronJob, kind: 'Deployment', spec: { template: { spec: {} } } })).toEqual({ spec: {} });
  expect(() => podTemplateOf({ ...cronJob, spec: {} })).toThrow('CronJob nightly has no pod template');
  expect(templatePathOf('CronJob').join('.')).toBe('spec.jobTemplate.spec.template');
  expect(templatePathOf('DaemonSet').join('.')).toBe('spec.template');
});
