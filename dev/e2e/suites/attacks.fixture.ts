import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  TASK_QUEUE,
  UNDO_WORKFLOW,
  undoWorkflowIdOf,
  workflowIdOf,
  type MigrationOutline,
} from '@scc/migration/contract';
import { bundleOfSources } from '@scc/testing/workflow-bundle';
import { waitFor } from '@scc/runtime';
import { AsyncCompletionClient, type Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { condition, DEPLOYMENTS, engineOn, longHolds, NAMESPACE, type Plan, PLANS } from '../engine.fixture.js';
import type { Stack } from '../../src/index.js';

/** A client that reaches Temporal, and nothing else, may watch, wake and abort; it may have nothing done. */

const ROLE_BINDINGS = (namespace: string): string =>
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`;
const ROGUE_QUEUE = 'rogue';
const PATIENCE_MS = 60_000;
/** Signals and updates, as the protocol of Temporal numbers them. */
type Reset = Parameters<Client['workflowService']['resetWorkflowExecution']>[0];
const MESSAGES = z.custom<NonNullable<Reset['resetReapplyExcludeTypes']>>().parse([1, 2]);
const rolloutSchema = z.looseObject({
  metadata: z.looseObject({ generation: z.number() }),
  status: z.looseObject({
    observedGeneration: z.number(),
    replicas: z.number(),
    updatedReplicas: z.number().default(0),
    availableReplicas: z.number().default(0),
  }),
});
const named = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

interface Running {
  stack: Stack;
  temporal: Client;
}

/** Texts anywhere in a history, those of payloads included. */
function textsOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(textsOf).join('\n');
  if (typeof value === 'object' && value !== null) return Object.values(value).map(textsOf).join('\n');
  return typeof value === 'string' ? value : '';
}

/** Declares the attacks; the stack is asked for when a test runs. */
export function attacks(running: () => Running): void {
  const { apply, read, until, untilPhase, untilWeight, handleOf, remains, specOf } = engineOn(running);
  let native: NativeConnection;
  let worker: Worker;
  let working: Promise<void>;

  beforeAll(async () => {
    const { stack } = running();
    native = await NativeConnection.connect({ address: stack.addresses.temporal });
    worker = await Worker.create({
      connection: native,
      namespace: 'scc',
      taskQueue: ROGUE_QUEUE,
      workflowBundle: await bundleOfSources(path.resolve(import.meta.dirname, '..', 'attacks.workflow.ts')),
    });
    working = worker.run();
  }, 120_000);
  afterAll(async () => {
    worker.shutdown();
    await working;
    await native.close();
  }, 60_000);

  const refOf = ({ metadata: { name, uid } }: Plan) => ({ namespace: NAMESPACE, name, uid });
  const outline = (plan: Plan, over: Partial<MigrationOutline> = {}): MigrationOutline => ({
    ref: refOf(plan),
    kind: 'Deployment',
    workload: 'orders',
    workloadUid: 'w',
    canary: 'orders-scc-canary',
    replicas: 3,
    sourceSCC: 'anyuid',
    targetSCC: 'privileged',
    services: ['orders'],
    targetHash: 'h',
    way: 'forward',
    ...over,
  });
  const failureOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'nothing failed',
      (error: unknown) => {
        const texts: string[] = [];
        for (let cause = error; cause instanceof Error; cause = cause.cause) texts.push(cause.message);
        return texts.join(': ');
      },
    );
  let rogues = 0;
  /** Has the real worker run an activity for a workflow of this id. */
  const forge = (activity: string, args: unknown[], workflowId = `rogue-${++rogues}`) =>
    failureOf(
      running().temporal.workflow.execute('rogueWorkflow', {
        taskQueue: ROGUE_QUEUE,
        workflowId,
        args: [TASK_QUEUE, activity, args],
      }),
    );
  const undoByHand = (ref: object, workflowId: string, over: object = {}) =>
    failureOf(
      running().temporal.workflow.execute(UNDO_WORKFLOW, {
        taskQueue: TASK_QUEUE,
        workflowId,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        args: [{ ref, ...over }],
      }),
    );
  const bindingsIn = async (namespace: string): Promise<string[]> =>
    (await running().stack.api.list(ROLE_BINDINGS(namespace))).items.map((item) => named.parse(item).metadata.name);
  const shifting = (name: string, over: Parameters<typeof apply>[2] = {}) =>
    apply(name, 'orders', { traffic: longHolds, ...over });
  const undone = async (name: string): Promise<void> => {
    await untilPhase(name, 'RolledBack');
    expect(await remains()).toEqual([]);
  };

  describe('a workflow started by hand', () => {
    it('has no activity run for a plan that is not its own, wherever it points', async () => {
      const before = await bindingsIn('kube-system');
      const plan = await shifting('forged-by-hand');
      await untilWeight('forged-by-hand', 10);
      const elsewhere = { ...refOf(plan), namespace: 'kube-system' };
      for (const [activity, ref] of [
        ['grantTarget', elsewhere],
        ['grantTarget', refOf(plan)],
        ['createCanary', elsewhere],
        ['migrateWorkload', refOf(plan)],
        ['restoreWorkload', refOf(plan)],
        ['withdrawTargetGrant', refOf(plan)],
      ] as const)
        expect(await forge(activity, [outline(plan, { ref })])).toContain('does not work for plan');
      expect(
        await forge('project', [
          refOf(plan),
          { status: { phase: 'Completed' }, events: [], workload: null, unreported: [] },
        ]),
      ).toContain('does not work for plan');
      expect(await bindingsIn('kube-system')).toEqual(before);
      expect((await read('forged-by-hand')).status).toMatchObject({ phase: 'TrafficShifting', weight: 10 });
    });

    it('gets nothing done under the name of a plan that governance allowed nothing', async () => {
      const uid = '00000000-0000-4000-8000-000000000000';
      const ref = { namespace: 'kube-system', name: 'invented', uid };
      const invented = { metadata: { name: 'invented', uid, finalizers: [] }, status: {} };
      const forged = { ...outline(invented), ref };
      expect(await forge('grantTarget', [forged], workflowIdOf(ref))).toContain('no migration');
      expect(await forge('withdrawTargetGrant', [{ ...forged, way: 'back' }], undoWorkflowIdOf(ref))).toContain(
        'no migration',
      );
      expect(await bindingsIn('kube-system')).not.toContain(expect.stringContaining('privileged'));
    });

    it('undoes no migration that runs, by its true name, by another, or as if it went on', async () => {
      const plan = await read('forged-by-hand');
      const ref = refOf(plan);
      expect(await undoByHand(ref, undoWorkflowIdOf(ref))).toContain('is running');
      expect(await undoByHand(ref, 'by-hand')).toContain('does not work for plan');
      expect(await undoByHand({ ...ref, name: 'other' }, undoWorkflowIdOf({ ...ref, name: 'other' }))).toContain(
        'belongs to the plan',
      );
      expect(await forge('removeCanary', [outline(plan, { way: 'back' })], undoWorkflowIdOf(ref))).toContain(
        'is running',
      );
      expect((await read('forged-by-hand')).status).toMatchObject({ phase: 'TrafficShifting', weight: 10 });
      await (await handleOf('forged-by-hand')).signal('rollback');
      await undone('forged-by-hand');
    });

    it('undoes no migration that is over', async () => {
      const plan = await read('forged-by-hand');
      const ref = refOf(plan);
      const before = await specOf(`${DEPLOYMENTS}/orders`);
      await undoByHand(ref, undoWorkflowIdOf(ref));
      expect(await undoByHand({ ...ref, name: 'other' }, undoWorkflowIdOf({ ...ref, name: 'other' }))).toContain(
        'belongs to the plan',
      );
      expect(await forge('restoreSourceGrant', [outline(plan, { way: 'back' })], undoWorkflowIdOf(ref))).toContain(
        'is over',
      );
      expect(await specOf(`${DEPLOYMENTS}/orders`)).toEqual(before);
      expect((await read('forged-by-hand')).status.phase).toBe('RolledBack');
    });
  });

  /** Goes on from a decision of a run in another one: from its last, or from the first after a step was allowed. */
  async function reset(handle: WorkflowHandle, from: 'the last' | 'the first step' = 'the last') {
    const { temporal } = running();
    const events = (await handle.fetchHistory()).events ?? [];
    const asked = events.find(
      ({ activityTaskScheduledEventAttributes: made }) => made?.activityType?.name === 'authorizeStep',
    )?.eventId;
    const allowed = events.findIndex(({ activityTaskCompletedEventAttributes: done }) =>
      asked?.equals(done?.scheduledEventId ?? -1),
    );
    const isDecision = (event: (typeof events)[number]): boolean => event.workflowTaskCompletedEventAttributes != null;
    const place = from === 'the last' ? events.findLast(isDecision) : events.slice(allowed).find(isDecision);
    const { runId } = await temporal.workflowService.resetWorkflowExecution({
      namespace: 'scc',
      workflowExecution: { workflowId: handle.workflowId },
      workflowTaskFinishEventId: place?.eventId ?? null,
      requestId: crypto.randomUUID(),
      reason: 'again',
      // A request for an undo that was sent is not sent again.
      ...(from === 'the last' ? {} : { resetReapplyExcludeTypes: MESSAGES }),
    });
    return temporal.workflow.getHandle(handle.workflowId, runId);
  }

  it('a reset to after an allowed step carries nothing on: what was begun is undone', async () => {
    await shifting('reset');
    await untilWeight('reset', 10);
    await reset(await handleOf('reset'));
    await undone('reset');
  });

  it('a reset of what is over to after an allowed step makes nothing again', async () => {
    const handle = await handleOf('reset');
    await handle.result();
    const before = await specOf(`${DEPLOYMENTS}/orders`);
    const again = await reset(handle, 'the first step');
    expect(await failureOf(again.result())).toContain('the migration is over: RolledBack');
    expect(await remains()).toEqual([]);
    expect(await specOf(`${DEPLOYMENTS}/orders`)).toEqual(before);
    expect((await read('reset')).status.phase).toBe('RolledBack');
  });

  it('an activity that a stranger answers is no proof: the end does not count, is said, and is undone', async () => {
    const { temporal } = running();
    const plan = await apply('answered', 'payments', {
      traffic: { mirror: { duration: '0s' }, interval: '10m', weights: [100] },
    });
    const handle = await handleOf('answered');
    await untilWeight('answered', 100);
    const completion = new AsyncCompletionClient({ connection: temporal.connection, namespace: 'scc' });
    const pending = await waitFor(
      async () =>
        (await handle.describe()).raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'hold'),
      { timeoutMs: PATIENCE_MS, what: 'the hold to begin' },
    );
    await completion.complete({ workflowId: handle.workflowId, activityId: pending.activityId ?? '' }, []);
    const { conditions } = await until(
      'answered',
      (status) => condition(status, 'Untrusted') !== undefined,
      'untrusted',
    );
    expect(conditions).toContainEqual(
      expect.objectContaining({
        type: 'Untrusted',
        status: 'True',
        message: expect.stringContaining('the hold of 100 %') as unknown,
      }),
    );
    await undone('answered');
    expect((await read('answered')).metadata.uid).toBe(plan.metadata.uid);
  });

  it('a flood of signals is looked at at a bounded rate', async () => {
    await shifting('flooded');
    await untilWeight('flooded', 10);
    const handle = await handleOf('flooded');
    await Promise.all(Array.from({ length: 300 }, () => handle.signal('skip', { actor: 'mallory' })));
    await handle.signal('rollback');
    await undone('flooded');
    const { events } = await handle.fetchHistory();
    const checks = events?.filter(
      ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'checkCommand',
    );
    expect(checks?.length).toBeLessThan(30);
  });

  it('no history holds a value of the template, of the patch, or of an object as it was', async () => {
    const { stack, temporal } = running();
    const secrets = ['hunter2-in-the-template', 'hunter2-in-the-patch', 'hunter2-in-an-argument'];
    const [inTemplate = '', inPatch = '', inArgument = ''] = secrets;
    const container = z.looseObject({ name: z.string() });
    const { spec } = z
      .looseObject({
        spec: z.looseObject({ template: z.looseObject({ spec: z.looseObject({ containers: z.array(container) }) }) }),
      })
      .parse(await stack.api.get(`${DEPLOYMENTS}/orders`));
    const [first] = spec.template.spec.containers;
    const containers = (value: string) => [{ name: first?.name ?? '', env: [{ name: 'PASSWORD', value }] }];
    await stack.api.call(
      'PATCH',
      `${DEPLOYMENTS}/orders`,
      { spec: { template: { spec: { containers: containers(inTemplate) } } } },
      'application/strategic-merge-patch+json',
    );
    const rolledOut = async (): Promise<boolean> => {
      const { metadata, status } = rolloutSchema.parse(await stack.api.get(`${DEPLOYMENTS}/orders`));
      const { observedGeneration, replicas, updatedReplicas, availableReplicas } = status;
      return (
        observedGeneration === metadata.generation && [updatedReplicas, availableReplicas].every((n) => n === replicas)
      );
    };
    await waitFor(rolledOut, { timeoutMs: PATIENCE_MS, everyMs: 250, what: 'the rollout of the new template' });
    const patch = { spec: { containers: [{ ...containers(inPatch)[0], args: [inArgument] }] } };
    await shifting('with-patch', { podSecurity: { patch } });
    await until('with-patch', (status) => condition(status, 'Approved')?.status === 'False', 'waiting for approval');
    await stack.api.call('DELETE', `${PLANS}/with-patch`);
    await shifting('secretive');
    await untilWeight('secretive', 10);
    await (await handleOf('secretive')).signal('rollback');
    await undone('secretive');
    for await (const { workflowId, runId } of temporal.workflow.list()) {
      const history = textsOf(await temporal.workflow.getHandle(workflowId, runId).fetchHistory());
      for (const secret of secrets) expect(history).not.toContain(secret);
    }
  });
}
