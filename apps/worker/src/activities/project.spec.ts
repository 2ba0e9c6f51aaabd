import { asyncLocalStorage } from '@temporalio/activity';
import { GovernanceError } from '@scc/governance-api';
import { KubeError, type KubeObject } from '@scc/kube';
import { PLAN_TYPE, planStatusSchema, type PlanStatus } from '@scc/plan';
import type { Projection } from '@scc/migration/contract';
import { z } from 'zod';
import { SealedMaterial } from '../undo/sealed.js';
import { contextOf } from './context.fixture.js';
import { projectWith, supersededBy } from './project.js';

const ref = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const planWith = (status: PlanStatus, { uid = 'u1', resourceVersion = '1' } = {}): KubeObject => ({
  ...PLAN_TYPE,
  metadata: { namespace: 'shop', name: 'ledger', uid, resourceVersion },
  status,
});
const invalid = new KubeError(422, { reason: 'Invalid', message: 'a greater sequence was written already' });
const missing = new KubeError(404, { reason: 'NotFound', message: 'no plan', object: 'ledger' });
const conflict = new KubeError(409, { reason: 'Conflict', message: 'the object has been modified' });

const patchSchema = z.tuple([
  z.object({ op: z.literal('test'), path: z.literal('/metadata/uid'), value: z.string() }),
  z.object({ op: z.literal('add'), path: z.literal('/status'), value: planStatusSchema }),
]);

/** A plan in an API server that tests the uid and keeps the rules of the CRD, and refuses as often as it is told to. */
function aServer(plan: KubeObject | undefined, refusals: KubeError[] = [], eventFaults: KubeError[] = []) {
  const server = { plan, calls: [] as string[], written: [] as PlanStatus[], meanwhile: (): void => undefined };
  const kube: Parameters<typeof projectWith>[0]['kube'] = {
    get: () => {
      server.calls.push('get');
      return Promise.resolve(server.plan);
    },
    patch: (_id, { body }) => {
      server.calls.push('patch');
      const [{ value: uid }, { value: status }] = patchSchema.parse(body);
      const refusal = refusals.shift();
      server.meanwhile();
      if (refusal) return Promise.reject(refusal);
      const seen = server.plan;
      if (!seen) return Promise.reject(missing);
      if (seen.metadata.uid !== uid || supersededBy(seen, status)) return Promise.reject(invalid);
      server.written.push(status);
      return Promise.resolve(seen);
    },
    recordEvent: () => {
      const fault = eventFaults.shift();
      if (fault) return Promise.reject(fault);
      server.calls.push('event');
      return Promise.resolve();
    },
  };
  const unasked = () => Promise.reject(new Error('nothing is reported here'));
  const governance = { report: unasked, outcome: unasked, begin: unasked, done: unasked };
  const sealed = new SealedMaterial({ get: unasked, create: unasked, delete: unasked });
  const project = (status: PlanStatus) =>
    projectWith({ kube, governance, sealed })(ref, { ...quiet, status, events: [{ type: 'UndoStarted', ...why }] });
  return { server, project, kube };
}
const why = { cause: 'gate' as const, message: 'too many errors' };
const quiet: Projection = { status: {}, events: [], workload: null, unreported: [] };
const shifting = (sequence: number): PlanStatus => ({ phase: 'TrafficShifting', sequence });

describe('what a status must not overwrite', () => {
  it.each<[string, PlanStatus, PlanStatus, ReturnType<typeof supersededBy>]>([
    ['nothing of an empty one', {}, shifting(1), null],
    ['nothing of an older one', shifting(1), shifting(2), null],
    ['nothing of the same, written again', shifting(2), shifting(2), null],
    ['a newer one', shifting(3), shifting(2), { overtaken: 3 }],
    ['a final phase, however new it is itself', { phase: 'Completed', sequence: 3 }, shifting(9), 'final'],
    ['the end of the same migration, newer', { phase: 'RolledBack', sequence: 3 }, { phase: 'RolledBack' }, 'final'],
    ['nothing of an earlier version without a sequence', { phase: 'Mirroring' }, shifting(1), null],
  ])('%s', (_what, seen, status, expected) => {
    expect(supersededBy(planWith(seen), status)).toEqual(expected);
  });
});

describe('a projection', () => {
  it('tries an event again by itself when the API server falters', async () => {
    const ill = new KubeError(500, { reason: 'InternalError', message: 'etcd has no leader' });
    const plan = planWith(shifting(1));
    const { server, project } = aServer(plan, [], [ill, ill]);
    await project(shifting(2));
    expect(server.calls).toEqual(['patch', 'event']);
    const broken = aServer(plan, [], [ill, ill, ill]);
    await expect(broken.project(shifting(2))).rejects.toThrow('etcd has no leader');
  });

  it('costs one call for the status, and one for its event', async () => {
    const { server, project } = aServer(planWith(shifting(1)));
    expect(await project(shifting(2))).toEqual({ reported: 'yes', checkpoint: null });
    expect(server).toMatchObject({ written: [shifting(2)], calls: ['patch', 'event'] });
  });

  it.each<[string, KubeObject | undefined]>([
    ['leaves another one alone that has its name now', planWith({}, { uid: 'u2' })],
    ['is not missed', undefined],
  ])('of a deleted plan %s', async (_case, plan) => {
    const { server, project } = aServer(plan);
    expect(await project(shifting(2))).toEqual({ reported: 'yes', checkpoint: null });
    expect(server.written).toEqual([]);
    expect(server.calls).not.toContain('event');
  });

  it('meets another plan of the name before it is written', async () => {
    const { server, project } = aServer(planWith(shifting(1)));
    server.meanwhile = () => (server.plan = planWith({}, { uid: 'u2', resourceVersion: '7' }));
    await project(shifting(2));
    expect(server.written).toEqual([]);
    expect(server.calls).not.toContain('event');
  });

  it('is written again over an edit of the plan', async () => {
    const { server, project } = aServer(planWith(shifting(1)), [conflict]);
    await project(shifting(2));
    expect(server.written).toHaveLength(1);
  });

  it('counts a refusal as done only when the plan shows a newer status or its end', async () => {
    const overtaken = aServer(planWith(shifting(1)));
    overtaken.server.meanwhile = () => (overtaken.server.plan = planWith(shifting(5)));
    expect(await overtaken.project(shifting(2))).toMatchObject({ overtaken: 5 });
    const over = aServer(planWith(shifting(1)));
    over.server.meanwhile = () => (over.server.plan = planWith({ phase: 'Completed', sequence: 5 }));
    expect(await over.project(shifting(2))).toEqual({ reported: 'yes', checkpoint: null });
    for (const { server } of [overtaken, over]) expect(server).toMatchObject({ written: [], calls: ['patch', 'get'] });
    const refused = aServer(
      planWith(shifting(1)),
      Array.from({ length: 9 }, () => invalid),
    );
    await expect(refused.project(shifting(2))).rejects.toBe(invalid);
  });
});

describe('the end of an undo, told to a governance whose database was restored from before the plan', () => {
  const at = '2026-11-24T10:00:00.000Z';
  const run = { workflowId: 'w', runId: 'r', activityId: 'a' };
  const eventAt = (sequence: number): Projection['unreported'][number] => ({
    ...{ version: 1, sequence, at, phase: 'RolledBack', event: { type: 'UndoStarted', ...why } },
  });

  async function told(unreported: Projection['unreported']) {
    const calls: string[] = [];
    const secrets = new Map<string, KubeObject>();
    const sealed = new SealedMaterial({
      get: ({ name }) => Promise.resolve(secrets.get(name)),
      create: (object) => {
        secrets.set(object.metadata.name ?? '', object);
        return Promise.resolve(object);
      },
      delete: ({ name }) => Promise.resolve(void secrets.delete(name)),
    });
    await sealed.remember('u1', 'restoreRoutes', { ...run, at });
    let isKnown = false;
    const unknown = new GovernanceError({ type: 'not-found', title: 'no migration u1', status: 404, errors: [] });
    const governance: Parameters<typeof projectWith>[0]['governance'] = {
      report: (_uid, { events }) => {
        isKnown = true;
        calls.push(`report ${events.map(({ sequence }) => sequence).join()}`);
        return Promise.resolve({ accepted: 1, duplicates: 0, untrusted: null, stranger: null, receipts: [] });
      },
      outcome: () => Promise.reject(unknown),
      begin: (_uid, { activity }) => {
        if (!isKnown) return Promise.reject(unknown);
        calls.push(`begin ${activity}`);
        return Promise.resolve({ allowed: true, reason: 'r', sequence: 1, target: null, images: [], receipt: null });
      },
      done: () => Promise.resolve({ recorded: true }),
    };
    const status: PlanStatus = { phase: 'RolledBack', sequence: 2 };
    const { kube } = aServer(planWith(shifting(1)));
    const result = await asyncLocalStorage.run(contextOf(), () =>
      projectWith({ kube, governance, sealed })(ref, { ...quiet, status, unreported }),
    );
    expect(result).toMatchObject({ reported: 'yes' });
    expect([...secrets.keys()]).toEqual([]);
    return calls;
  }

  it('makes the plan known, tells of what was done, and then of the end', async () => {
    expect(await told([eventAt(1), eventAt(2), eventAt(3)])).toEqual([
      'report 1,2',
      'begin restoreRoutes',
      'report 1,2,3',
    ]);
  });

  it('tells of the end alone when nothing else is left to tell', async () => {
    expect(await told([eventAt(3)])).toEqual(['report 3', 'begin restoreRoutes']);
  });
});
