import type { MigrationActivities } from './contract.js';
import { registerUndo, startOf } from './position.js';
import { aTarget, aWorld } from './testing.js';
import { undoAll } from './undo.js';

const STEPS = ['verification', 'targetGrant', 'canary', 'workload'] as const;

/** A position with an undo list, and the order in which its activities are called. */
function aList(over: Partial<MigrationActivities> = {}) {
  const position = { ...startOf(aTarget().ref), target: aTarget() };
  for (const step of STEPS) registerUndo(position, { step, args: {} });
  const order: string[] = [];
  const { fx, events } = aWorld();
  const noted = Object.fromEntries(
    Object.entries({ ...fx().act, ...over }).map(([name, activity]) => [
      name,
      (...args: unknown[]) => {
        order.push(name);
        return (activity as (...all: unknown[]) => Promise<unknown>)(...args);
      },
    ]),
  ) as Partial<MigrationActivities> as MigrationActivities;
  const undoFailed = (step: string, attempt: number) => Promise.resolve(void order.push(`${step} failed ${attempt}`));
  return { position, order, events, fx: fx({ undo: noted, undoFailed }) };
}

describe('undoAll', () => {
  it('undoes last in, first out, and says what still differs', async () => {
    const { position, order, events, fx } = aList({ compareWithPreImages: () => Promise.resolve(['Service/x']) });
    await expect(undoAll(position, fx)).resolves.toEqual(['Service/x']);
    expect(order).toEqual([
      'restoreWorkload',
      'awaitStable',
      'removeCanary',
      'withdrawTargetGrant',
      'compareWithPreImages',
    ]);
    expect(events.map((event) => ('step' in event ? event.step : event.type))).toEqual([
      'workload',
      'canary',
      'targetGrant',
    ]);
    expect(position.undos).toEqual([]);
  });

  it('undoes nothing when nothing was changed', async () => {
    const { order, fx } = aList();
    await expect(undoAll(startOf(aTarget().ref), fx)).resolves.toEqual([]);
    expect(order).toEqual([]);
  });

  it('says each failed try and goes on with a step until it succeeds, before the next one', async () => {
    let tries = 0;
    const removeCanary = () => (++tries < 3 ? Promise.reject(new Error(`no ${tries}`)) : Promise.resolve());
    const { position, order, fx } = aList({ removeCanary });
    await undoAll(position, fx);
    expect(order.slice(2)).toEqual([
      'removeCanary',
      'canary failed 1',
      'removeCanary',
      'canary failed 2',
      'removeCanary',
      'withdrawTargetGrant',
      'compareWithPreImages',
    ]);
  });

  it('leaves undone what fails once an operator has released it, undoes the rest, and says what was left', async () => {
    const removeCanary = () => Promise.reject(new Error('the pods stay'));
    const compareWithPreImages = () => Promise.resolve(['Deployment/shop/ledger-scc-canary']);
    const { position, order, events, fx } = aList({ removeCanary, compareWithPreImages });
    let asked = 0;
    const released = { ...fx, isReleased: () => ++asked > 2 };
    const left = 'the canary (left undone: the pods stay)';
    await expect(undoAll(position, released)).resolves.toEqual([left, 'Deployment/shop/ledger-scc-canary']);
    expect(order.filter((step) => step === 'removeCanary')).toHaveLength(3);
    expect(order).toContain('withdrawTargetGrant');
    expect(events).not.toContainEqual({ type: 'UndoStepDone', step: 'canary' });
    expect(position).toMatchObject({ undos: [], left: [left] });
  });

  it('registers a step once, however often a run comes by', () => {
    const { position } = aList();
    registerUndo(position, { step: 'canary', args: {} });
    expect(position.undos.map(({ step }) => step)).toEqual(STEPS.toReversed());
  });
});
