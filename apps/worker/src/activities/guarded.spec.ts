import { asyncLocalStorage } from '@temporalio/activity';
import { describe, expect, it, jest } from '@jest/globals';
import { type BeginVerdict, GovernanceError, type UndoMaterial } from '@scc/governance-api';
import { KubeError } from '@scc/kube';
import { aWholeTarget } from '@scc/migration/testing';
import type { SealedMaterial } from '../undo/sealed.js';
import { contextOf } from './context.fixture.js';
import { guarded } from './guarded.js';
import { outlineOf, type TargetActivities } from './target.js';

/** The undo of a plan of which a restored database knows nothing, or less than was sealed when it was begun. */

const target = aWholeTarget();
const images = [
  { key: 'v1|Service|shop|ledger', manifest: null },
  { key: 'removed|old', manifest: { subjects: [] } },
];
const material: UndoMaterial = {
  ...{ plan: target.ref, target: { ...target }, images },
  activities: ['restoreRoutes', 'restoreSourceGrant', 'withdrawTargetGrant'],
};
const unknown = new GovernanceError({ type: 'not-found', title: 'no migration u1', status: 404, errors: [] });
const verdict: BeginVerdict = {
  ...{ allowed: true, reason: 'it is its turn', sequence: 3, receipt: null },
  ...{ target: { ...target }, images: images.slice(0, 1) },
};

function aWorker(answer: () => Promise<BeginVerdict>, open: () => Promise<UndoMaterial | undefined>) {
  const work = jest.fn((..._given: unknown[]) => Promise.resolve());
  const remember = jest.fn((_uid: string, _activity: string) => Promise.resolve());
  const governance = {
    begin: answer,
    done: () => Promise.resolve({ recorded: true }),
    seal: () => Promise.reject(unknown),
  };
  const sealed = { open, remember } as Partial<SealedMaterial> as SealedMaterial;
  const activities = new Proxy({}, { get: () => work }) as TargetActivities;
  const run = (name: 'restoreSourceGrant' | 'grantTarget' | 'setWeights', way: 'forward' | 'back'): Promise<unknown> =>
    asyncLocalStorage.run(contextOf(), () =>
      (guarded({ governance, sealed }, activities)[name] as (outline: unknown) => Promise<unknown>)(
        outlineOf(target, way),
      ),
    );
  return { run, work, remember };
}
const opened = (): Promise<UndoMaterial> => Promise.resolve(material);

describe('requests that are divided', () => {
  it.each([
    ['forward', {}],
    ['back', { isUndo: true }],
  ] as const)('are known to be on the way %s', async (way, said) => {
    const { run, work } = aWorker(() => Promise.resolve(verdict), opened);
    await run('setWeights', way);
    expect(work).toHaveBeenCalledWith({ ...target, ...said });
  });
});

describe('an undo after the database of governance was lost', () => {
  it('is done from what was sealed when governance does not know the plan, and remembered for it', async () => {
    const { run, work, remember } = aWorker(() => Promise.reject(unknown), opened);
    await run('restoreSourceGrant', 'back');
    expect(work).toHaveBeenCalledWith(target, images);
    expect(remember.mock.calls.map(([uid, activity]) => `${uid} ${activity}`)).toEqual([
      `${target.ref.uid} restoreSourceGrant`,
    ]);
  });

  it('is refused without sealed material, and nothing goes forward with it', async () => {
    const nothing = aWorker(
      () => Promise.reject(unknown),
      () => Promise.resolve(undefined),
    );
    await expect(nothing.run('restoreSourceGrant', 'back')).rejects.toBe(unknown);
    const forward = aWorker(() => Promise.reject(unknown), opened);
    await expect(forward.run('grantTarget', 'forward')).rejects.toBe(unknown);
    expect(forward.work).not.toHaveBeenCalled();
  });

  it('has what governance lost: the target, and what was taken from old grants', async () => {
    const fewer = aWorker(() => Promise.resolve(verdict), opened);
    await fewer.run('restoreSourceGrant', 'back');
    expect(fewer.work).toHaveBeenCalledWith(target, images);
    expect(fewer.remember).not.toHaveBeenCalled();
    const none = aWorker(() => Promise.resolve({ ...verdict, target: null, images: [] }), opened);
    await none.run('restoreSourceGrant', 'back');
    expect(none.work).toHaveBeenCalledWith(target, images);
  });

  it('goes on with what governance has where the Secret is not what it signed, and waits for the API server', async () => {
    const forged = aWorker(
      () => Promise.resolve(verdict),
      () => Promise.reject(new Error('not what governance signed')),
    );
    await forged.run('restoreSourceGrant', 'back');
    expect(forged.work).toHaveBeenCalledWith(target, verdict.images);
    const ill = new KubeError(500, { reason: 'InternalError', message: 'etcd has no leader' });
    const away = aWorker(
      () => Promise.resolve(verdict),
      () => Promise.reject(ill),
    );
    await expect(away.run('restoreSourceGrant', 'back')).rejects.toBe(ill);
  });
});
