import type { Phase, PlanRef } from '@scc/plan';
import type { MigrationLife, Migrations } from './migrations.js';
import { cancelStrays, needsWork, reconcile, startIfNew, type ReconcileOutcome } from './reconcile.js';
import type { SeenPlan } from './seen-plan.js';

const ref: PlanRef = { namespace: 'shop', name: 'ledger', uid: 'u-1' };
const plan = (over: Partial<SeenPlan> = {}): SeenPlan => ({
  ref,
  generation: 1,
  observedGeneration: null,
  phase: null,
  deletionRequested: false,
  held: false,
  lookedAfterUntilMs: null,
  campaign: null,
  ...over,
});
const running = (phase: Phase = 'TrafficShifting', over: Partial<SeenPlan> = {}): SeenPlan =>
  plan({ phase, observedGeneration: 1, held: true, ...over });

/** Temporal as the watcher sees it: what became of each workflow, and what was done to it. */
function temporal(lives: Record<string, MigrationLife> = {}) {
  const life = new Map(Object.entries(lives));
  const done: string[] = [];
  const migrations: Migrations = {
    start: ({ uid }) => {
      const before = life.get(uid);
      if (before === undefined) {
        life.set(uid, 'Running');
        done.push(`start ${uid}`);
      }
      return Promise.resolve(before === undefined || before === 'Running');
    },
    life: ({ uid }) => Promise.resolve(life.get(uid) ?? 'NeverStarted'),
    cancel: ({ uid }) => Promise.resolve(void done.push(`cancel ${uid}`)),
    planChanged: ({ uid }, generation) => Promise.resolve(void done.push(`changed ${uid} ${generation}`)),
    undo: ({ uid }) => Promise.resolve(void done.push(`undo ${uid}`)),
    settle: ({ uid }) => Promise.resolve(void done.push(`settle ${uid}`)),
    running: () =>
      Promise.resolve([...life].filter(([, state]) => state === 'Running').map(([uid]) => ({ ...ref, uid }))),
  };
  return { migrations, done };
}

/** Reads that yield one thing after the other; the last one from then on. */
const reads = (...plans: (SeenPlan | undefined)[]) => {
  let next = 0;
  return () => Promise.resolve(plans[Math.min(next++, plans.length - 1)]);
};

interface Case {
  plans: (SeenPlan | undefined)[];
  lives?: Record<string, MigrationLife>;
  outcome: ReconcileOutcome;
  done: string[];
}
const deleted = { deletionRequested: true };

describe('reconcile', () => {
  it.each<[string, Case]>([
    ['starts the workflow of a new plan', { plans: [plan()], outcome: 'started', done: ['start u-1'] }],
    ['leaves a running one alone', { plans: [running()], lives: { 'u-1': 'Running' }, outcome: 'running', done: [] }],
    [
      'tells a running one that its plan was changed',
      {
        plans: [running('Mirroring', { generation: 3 })],
        lives: { 'u-1': 'Running' },
        outcome: 'running',
        done: ['changed u-1 3'],
      },
    ],
    [
      'starts a plan that was seen and not touched before',
      { plans: [plan({ phase: 'Pending' })], outcome: 'started', done: ['start u-1'] },
    ],
    [
      'sees the status of a workflow that has just finished',
      { plans: [running(), running('Completed')], lives: { 'u-1': 'Finished' }, outcome: 'none', done: [] },
    ],
    [
      'has a status brought in line that shows another phase after its workflow has finished',
      { plans: [running()], lives: { 'u-1': 'Finished' }, outcome: 'settled', done: ['settle u-1'] },
    ],
    ['does nothing for a completed plan', { plans: [running('Completed')], outcome: 'none', done: [] }],
    ['does nothing for a rejected plan', { plans: [running('Rejected')], outcome: 'none', done: [] }],
    ['does nothing for a plan that was undone', { plans: [running('RolledBack')], outcome: 'none', done: [] }],
    [
      'undoes what a lost workflow left behind',
      { plans: [running()], lives: { 'u-1': 'Lost' }, outcome: 'undone', done: ['undo u-1'] },
    ],
    [
      'undoes, and does not begin again, what Temporal has forgotten',
      { plans: [running('Migrating')], outcome: 'undone', done: ['undo u-1'] },
    ],
    [
      'begins again what was forgotten before anything was touched',
      { plans: [running('Validating')], outcome: 'started', done: ['start u-1'] },
    ],
    [
      'does not undo a migration that ended well after it was first read',
      { plans: [running(), running('Completed')], lives: { 'u-1': 'Lost' }, outcome: 'none', done: [] },
    ],
    [
      'does not undo for a plan that was made again meanwhile',
      {
        plans: [running(), plan({ ref: { ...ref, uid: 'u-2' } })],
        lives: { 'u-1': 'Lost' },
        outcome: 'none',
        done: [],
      },
    ],
    [
      'keeps an undo that cannot finish from being forgotten',
      { plans: [running('Failed')], lives: { 'u-1': 'Lost' }, outcome: 'undone', done: ['undo u-1'] },
    ],
    [
      'cancels the workflow of a deleted plan',
      {
        plans: [running('Mirroring', deleted)],
        lives: { 'u-1': 'Running' },
        outcome: 'cancelled',
        done: ['cancel u-1'],
      },
    ],
    [
      'cancels the workflow of a plan that was deleted before it was held',
      { plans: [plan({ ...deleted })], lives: { 'u-1': 'Running' }, outcome: 'cancelled', done: ['cancel u-1'] },
    ],
    [
      'undoes in the place of a lost workflow when its plan is deleted',
      { plans: [running('Mirroring', deleted)], lives: { 'u-1': 'Lost' }, outcome: 'undone', done: ['undo u-1'] },
    ],
    [
      'releases a deleted plan whose workflow Temporal does not know',
      { plans: [running('Mirroring', deleted)], outcome: 'undone', done: ['undo u-1'] },
    ],
    [
      'starts nothing for a deleted plan without a finalizer',
      { plans: [plan({ ...deleted })], outcome: 'none', done: [] },
    ],
    [
      'sees that the workflow has let the deleted plan go meanwhile',
      { plans: [running('RolledBack', deleted), undefined], lives: { 'u-1': 'Finished' }, outcome: 'none', done: [] },
    ],
    [
      'lets a deleted plan go whose workflow was lost before it did so itself',
      { plans: [running('Completed', deleted)], lives: { 'u-1': 'Lost' }, outcome: 'undone', done: ['undo u-1'] },
    ],
    [
      'has the finalizer taken away that was put back on a finished plan',
      { plans: [running('Completed', deleted)], lives: { 'u-1': 'Finished' }, outcome: 'undone', done: ['undo u-1'] },
    ],
    [
      'cancels what runs for a plan that is gone',
      {
        plans: [undefined],
        lives: { 'u-1': 'Running', 'u-0': 'Finished' },
        outcome: 'cancelled',
        done: ['cancel u-1'],
      },
    ],
    ['does nothing when neither plan nor workflow is left', { plans: [undefined], outcome: 'none', done: [] }],
  ])('%s', async (_case, { plans, lives, outcome, done }) => {
    const world = temporal(lives);
    expect(await reconcile('shop/ledger', { read: reads(...plans), migrations: world.migrations })).toBe(outcome);
    expect(world.done).toEqual(done);
  });

  it('changes nothing when it is done twice', async () => {
    const { migrations, done } = temporal();
    for (let count = 0; count < 3; count++) await reconcile('shop/ledger', { read: reads(plan()), migrations });
    expect(done).toEqual(['start u-1']);
  });

  it('does not start anything when the plan cannot be read', async () => {
    const { migrations, done } = temporal();
    const read = () => Promise.reject(new Error('the API server is away'));
    await expect(reconcile('shop/ledger', { read, migrations })).rejects.toThrow('away');
    expect(done).toEqual([]);
  });
});

describe('a plan that is seen for the first time', () => {
  it.each<[string, SeenPlan, Record<string, MigrationLife>, string[] | 'reconciled']>([
    ['is started when it is new', plan(), {}, ['start u-1']],
    ['is left to the workflow that it has', plan(), { 'u-1': 'Running' }, []],
    ['is reconciled when its workflow was lost', plan(), { 'u-1': 'Lost' }, 'reconciled'],
    ['is reconciled when it has a status', plan({ phase: 'Pending' }), {}, 'reconciled'],
    ['is reconciled when it is held', plan({ held: true }), {}, 'reconciled'],
    ['is reconciled when it is deleted', plan({ ...deleted }), {}, 'reconciled'],
  ])('%s', async (_case, seen, lives, done) => {
    const world = temporal(lives);
    expect(await startIfNew(seen, world.migrations)).toBe(done !== 'reconciled');
    expect(world.done).toEqual(done === 'reconciled' ? [] : done);
  });
});

describe('workflows without a plan', () => {
  it('are cancelled, those of plans that exist are not', async () => {
    const { migrations, done } = temporal({ 'u-1': 'Running', 'u-2': 'Running' });
    const strays = await cancelStrays(await migrations.running(), { read: reads(running()), migrations });
    expect(strays.map(({ uid }) => uid)).toEqual(['u-2']);
    expect(done).toEqual(['cancel u-2']);
  });
});

describe('plans that need a look', () => {
  it.each<[string, SeenPlan, boolean]>([
    ['a new one', plan(), true],
    ['one whose undo does not finish', running('Failed'), true],
    ['not one that is over', running('Completed'), false],
    ['a deleted one that is held', running('Completed', deleted), true],
    ['a deleted one that runs and is not held', running('Mirroring', { ...deleted, held: false }), true],
    ['not a deleted one that is over and not held', running('Completed', { ...deleted, held: false }), false],
  ])('%s', (_case, seen, expected) => {
    expect(needsWork(seen)).toBe(expected);
  });
});
