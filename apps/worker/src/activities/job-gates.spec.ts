import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import { gateJobName, type JobGate, PLAN_LABEL, ROLE_LABEL } from '@scc/plan';
import { aWholeTarget } from '@scc/migration/testing';
import { reviewJobGates } from '../assess/job-gates.js';
import { planOf } from './plan.js';
import { activityContext } from '@scc/testing/activity-context';
import { PLAN_TYPE } from '@scc/plan';
import { aSpec } from '@scc/migration/testing';
import { runJobGates } from './job-gates.js';

const ref = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const smoke: JobGate = { name: 'smoke', from: { kind: 'CronJob', name: 'smoke' }, at: 'BeforeShift', timeout: '2m' };
const NAME = gateJobName('ledger', 'smoke', 'BeforeShift');
const template = (labels: Record<string, string> = {}) => ({
  metadata: { labels },
  spec: { restartPolicy: 'Never', containers: [{ name: 'check', image: 'check:1' }] },
});
const cronJob = (labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'smoke', namespace: 'shop' },
  spec: { schedule: '@daily', suspend: true, jobTemplate: { spec: { backoffLimit: 1, template: template(labels) } } },
});
const service = (selector: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'ledger', namespace: 'shop' },
  spec: { selector, ports: [] },
});

type Ends = (job: KubeObject) => Record<string, unknown> | undefined;
const completes: Ends = () => ({ conditions: [{ type: 'Complete', status: 'True' }] });
const failing: Ends = () => ({ conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] });

/** A namespace with a controller of Jobs that says of each what the test wants. */
class Namespace {
  readonly objects = new Map<string, KubeObject>();
  readonly made: KubeObject[] = [];
  pods: KubeObject[] = [];

  constructor(
    private readonly ends: Ends,
    ...objects: KubeObject[]
  ) {
    for (const object of objects) this.put(object);
  }

  put(object: KubeObject): void {
    this.objects.set(`${object.kind}/${object.metadata.name ?? ''}`, object);
  }

  client(created: () => void = () => undefined): KubeClient {
    const client: Partial<KubeClient> = {
      get: ({ kind, name }) => {
        const found = this.objects.get(`${kind}/${name}`);
        return Promise.resolve(found?.kind === 'Job' ? { ...found, status: this.ends(found) } : found);
      },
      list: ({ kind }) =>
        Promise.resolve({
          items: kind === 'Pod' ? this.pods : [...this.objects.values()].filter((one) => one.kind === kind),
          resourceVersion: '1',
        }),
      create: (object) => {
        const uid = `job-${this.made.length}`;
        const job: KubeObject = {
          ...object,
          metadata: { ...object.metadata, uid, creationTimestamp: new Date().toISOString() },
        };
        this.made.push(job);
        this.put(job);
        created();
        return Promise.resolve(job);
      },
      delete: ({ kind, name }) => {
        this.objects.delete(`${kind}/${name}`);
        return Promise.resolve();
      },
    };
    return client as KubeClient;
  }
}

const run = (namespace: Namespace, { gates = [smoke], client = namespace.client(), agoMs = 0 } = {}) =>
  asyncLocalStorage.run(
    activityContext({ workflowExecution: { workflowId: 'scc/shop/ledger/u1', runId: 'r1' }, attempt: 1, agoMs }),
    () => runJobGates(client, { ...aWholeTarget(), ref, jobs: gates }, 'BeforeShift'),
  );

describe('the Job of a gate', () => {
  it('is made of the template, marked, bounded in time, owned by the plan, and gone once it was judged', async () => {
    const namespace = new Namespace(completes, cronJob({ app: 'smoke', 'job-name': 'x' }));
    await expect(run(namespace)).resolves.toMatchObject([
      { gate: 'smoke', verdict: 'pass', detail: `Job ${NAME} completed` },
    ]);
    expect(namespace.made).toMatchObject([
      {
        metadata: {
          name: NAME,
          labels: { [PLAN_LABEL]: 'ledger', [ROLE_LABEL]: 'gate' },
          ownerReferences: [{ kind: 'SCCMigrationPlan', uid: 'u1' }],
        },
        spec: { backoffLimit: 1, activeDeadlineSeconds: 120 },
      },
    ]);
    const [job] = namespace.made;
    expect(job?.['spec']).toMatchObject({ template: { metadata: { labels: { app: 'smoke', [ROLE_LABEL]: 'gate' } } } });
    expect(JSON.stringify(job)).not.toContain('job-name');
    expect(namespace.objects.has(`Job/${NAME}`)).toBe(false);
  });

  it('is made of a suspended Job without what belongs to that Job alone', async () => {
    const source: KubeObject = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'smoke', namespace: 'shop', uid: 's1' },
      spec: {
        ...{ suspend: true, selector: { matchLabels: { 'controller-uid': 's1' } }, activeDeadlineSeconds: 30 },
        template: template({ 'controller-uid': 's1', app: 'smoke' }),
      },
    };
    const namespace = new Namespace(completes, source);
    await run(namespace, { gates: [{ ...smoke, from: { kind: 'Job', name: 'smoke' } }] });
    const spec = namespace.made[0]?.['spec'];
    expect(spec).toMatchObject({ activeDeadlineSeconds: 30 });
    for (const gone of ['suspend', 'selector', 'controller-uid']) expect(JSON.stringify(spec)).not.toContain(gone);
    expect(namespace.objects.get('Job/smoke')).toEqual(source);
  });

  it('fails the gate when it fails, by its exit codes and not by its words', async () => {
    const namespace = new Namespace(failing, cronJob());
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: NAME, uid: 'job-0', controller: true };
    const terminated = { exitCode: 3, reason: 'Error', message: 'password=hunter2' };
    namespace.pods = [
      {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'shop', ownerReferences: [owner] } },
        spec: {},
        status: { containerStatuses: [{ name: 'check', restartCount: 0, state: { terminated } }] },
      },
    ];
    await expect(run(namespace)).resolves.toMatchObject([
      {
        verdict: 'fail',
        detail: `Job ${NAME} failed: container check ended with exit code 3; BackoffLimitExceeded`,
      },
    ]);
    expect(namespace.objects.has(`Job/${NAME}`)).toBe(false);
  });

  it('is gone on with by the worker that takes over, and is made once', async () => {
    const namespace = new Namespace(completes, cronJob());
    const ending = namespace.client(() => {
      throw new Error('the process ended');
    });
    // The process ends with all that it would have done afterwards.
    const dead: KubeClient = Object.assign(Object.create(ending) as KubeClient, {
      delete: () => Promise.reject(new Error('the process ended')),
    });
    await expect(run(namespace, { client: dead })).rejects.toThrow('the process ended');
    await expect(run(namespace, { agoMs: 60_000 })).resolves.toMatchObject([{ verdict: 'pass' }]);
    expect(namespace.made).toHaveLength(1);
    expect(namespace.objects.has(`Job/${NAME}`)).toBe(false);
  });

  it('is made again where one of an earlier time was left, and leaves what is not the plan’s alone', async () => {
    const old = { name: NAME, namespace: 'shop', uid: 'old', creationTimestamp: '2020-01-01T00:00:00Z' };
    const marks = { [PLAN_LABEL]: 'ledger', [ROLE_LABEL]: 'gate' };
    const ours = {
      ...old,
      labels: marks,
      ownerReferences: [{ ...PLAN_TYPE, name: 'ledger', uid: 'u1', controller: true }],
    };
    const left = new Namespace(completes, cronJob(), { apiVersion: 'batch/v1', kind: 'Job', metadata: ours });
    await expect(run(left)).resolves.toMatchObject([{ verdict: 'pass' }]);
    expect(left.made).toHaveLength(1);
    const foreign = new Namespace(completes, cronJob(), { apiVersion: 'batch/v1', kind: 'Job', metadata: old });
    await expect(run(foreign)).resolves.toMatchObject([{ verdict: 'fail' }]);
    expect(foreign.made).toEqual([]);
    expect(foreign.objects.has(`Job/${NAME}`)).toBe(true);
  });

  it('is not made where a Service would pick its pods, or its template is gone', async () => {
    const served = new Namespace(completes, cronJob({ app: 'ledger' }), service({ app: 'ledger' }));
    await expect(run(served)).resolves.toMatchObject([
      { verdict: 'fail', detail: expect.stringContaining('Service ledger would pick the pods') as unknown },
    ]);
    expect(served.made).toEqual([]);
    await expect(run(new Namespace(completes))).resolves.toMatchObject([{ detail: 'CronJob smoke is not there' }]);
  });

  it('is run at its moment alone', async () => {
    const namespace = new Namespace(completes, cronJob());
    await expect(run(namespace, { gates: [{ ...smoke, at: 'AfterMigrate' }] })).resolves.toEqual([]);
    expect(namespace.made).toEqual([]);
  });
});

describe('a plan with Jobs as gates', () => {
  it('is refused where one cannot be made', async () => {
    const spec = aSpec({ gates: { jobs: [smoke, { ...smoke, name: 'other', from: { kind: 'Job', name: 'gone' } }] } });
    const { spec: parsed } = planOf({ ...PLAN_TYPE, metadata: { ...ref, generation: 1 } }, spec);
    const namespace = new Namespace(completes, cronJob({ app: 'ledger' }), service({ app: 'ledger' }));
    const found = await reviewJobGates(namespace.client(), parsed, ref);
    expect(found.map(({ code, field }) => [code, field])).toEqual([
      ['JobWouldServe', 'spec.gates.jobs[0].from'],
      ['JobTemplateNotFound', 'spec.gates.jobs[1].from'],
    ]);
    expect(
      await reviewJobGates(namespace.client(), planOf({ ...PLAN_TYPE, metadata: ref }, aSpec()).spec, ref),
    ).toEqual([]);
  });
});
