import { STOPPED_ANNOTATION } from '@scc/plan';
import { copyOf, stoppedWorld } from './owners.fixture.js';
import { lookAtOwners } from './owners.js';

const [FROM, TO] = [999, 1000650000];
/** The claims of each kind with the files of the old user given to the new one, and what is said of whose they are. */
const KINDS = [
  {
    kind: 'StatefulSet',
    given: { 'data-ledger-0': { journal: TO, index: TO }, 'data-ledger-1': { journal: TO, root: 0 } },
    claims: ['data-ledger-0', 'data-ledger-1'],
    looked: 'data of ledger-0: 2 files',
    writes: 7,
  },
  {
    kind: 'Deployment',
    given: { files: { journal: TO, index: TO, log: TO, root: 0 } },
    claims: ['files'],
    looked: 'data of ledger: 3 files',
    writes: 5,
  },
] as const;

describe.each(KINDS)('a change of owners while a $kind is stopped', ({ kind, given, claims, looked, writes }) => {
  const world = () => {
    const made = stoppedWorld(kind);
    const [first, last] = [claims[0], claims.at(-1) ?? ''];
    const put = (claim: string, name: string, uid: number): void =>
      void (made.files[claim] = { ...made.files[claim], [name]: uid });
    return { ...made, first, last, put };
  };

  it('gives the files of its user away, and starts it with the new template', async () => {
    const { forward, files, set, jobs, act, inActivity, target } = world();
    await expect(forward()).resolves.toEqual({ from: FROM, to: TO, files: 3, claims });
    expect(files).toEqual(given);
    expect([set.spec.replicas, set.spec.template, jobs.size]).toEqual([2, target.templateAfter, 0]);
    expect(set.metadata.annotations).toHaveProperty([STOPPED_ANNOTATION]);
    await inActivity(() => act.forgetOwners(target));
    expect(set.metadata.annotations).toEqual({ team: 'a' });
  });

  it('is taken back with everything that was written since', async () => {
    const { forward, back, files, set, jobs, put, first } = world();
    const before = copyOf({ set, files });
    await forward();
    put(first, 'since', TO);
    await expect(back()).resolves.toEqual([]);
    expect(files[first]).toEqual({ ...before.files[first], since: FROM });
    expect(set).toEqual(before.set);
    expect(jobs.size).toBe(0);
  });

  it.each(Array.from({ length: writes }, (_none, index) => index + 1))(
    'completes, and is taken back, where the worker dies after its write %d',
    async (at) => {
      const { forward, back, files, set, jobs, dieAtWrite, target, writesOf } = world();
      const before = copyOf({ set, files });
      dieAtWrite(at);
      await forward();
      expect([files, set.spec.replicas, set.spec.template]).toEqual([given, 2, target.templateAfter]);
      expect(writesOf()).toBeGreaterThanOrEqual(at);
      dieAtWrite(at);
      await expect(back()).resolves.toEqual([]);
      expect({ set, files }).toEqual(before);
      expect(jobs.size).toBe(0);
    },
  );

  it('touches no file, and starts it again, where the new user has files already', async () => {
    const { act, back, files, set, inActivity, put, last, target } = world();
    put(last, 'alien', TO);
    const before = copyOf({ set, files });
    await inActivity(() => act.stopWorkload(target));
    await expect(inActivity(() => act.changeOwners(target))).rejects.toThrow('are there already');
    expect(files).toEqual(before.files);
    await expect(back()).resolves.toEqual([]);
    expect({ set, files }).toEqual(before);
  });

  it('ends where another client scales it up meanwhile, and gives everything back', async () => {
    const { act, back, files, set, inActivity, target } = world();
    const before = copyOf({ set, files });
    await inActivity(() => act.stopWorkload(target));
    await inActivity(() => act.changeOwners(target));
    set.spec.replicas = 1;
    await expect(inActivity(() => act.migrateWorkload(target))).rejects.toThrow('scaled ledger up');
    await expect(back()).resolves.toEqual([]);
    expect({ set, files }).toEqual(before);
  });

  it('stops nothing that was scaled, or marked by another plan, since it was judged', async () => {
    const { act, set, inActivity, target } = world();
    set.spec.replicas = 3;
    await expect(inActivity(() => act.stopWorkload(target))).rejects.toThrow('scaled to 3');
    set.spec.replicas = 2;
    set.metadata.annotations[STOPPED_ANNOTATION] = '{"plan":"u2","replicas":2}';
    await expect(inActivity(() => act.stopWorkload(target))).rejects.toThrow('by another plan');
    expect(set.spec.replicas).toBe(2);
  });

  it('looks before it stops anything whether all of it can be done', async () => {
    const { kube, set, inActivity, put, last, target } = world();
    const look = () => inActivity(() => lookAtOwners(kube, target));
    const passed = await look();
    expect(passed.map(({ verdict }) => verdict)).toEqual(claims.map(() => 'pass'));
    expect(passed[0]).toMatchObject({
      gate: 'owners',
      detail: `${looked} of user 999 can be given to user 1000650000, and back`,
    });
    put(last, 'alien', TO);
    expect((await look()).at(-1)).toMatchObject({
      verdict: 'fail',
      detail: expect.stringContaining('are there already') as unknown,
    });
    set.spec.replicas = claims.length - 1;
    expect(await look()).toMatchObject([
      { verdict: 'fail', detail: expect.stringContaining('be looked at') as unknown },
    ]);
  });
});
