import { describe, expect, it } from '@jest/globals';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  holdsAnyRole,
  inTx,
  NOON,
  ownWorkload,
  person,
  recorded,
  row,
  reportCovered,
} from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { authorizeStep } from './authorize.js';
import { checkCommand, issueCommandGrant } from './commands.js';
import { evaluatePlan } from './evaluate.js';
import { outcomeOf } from './outcome.js';
import { preImages, savePreImages } from './pre-images.js';

const database = governanceSuite();

const one = (sql: string, ...parameters: unknown[]): Promise<unknown> => row(database.app, sql, ...parameters);

/** Entries of reported events. */
const reportedEntries = (plan: string): Promise<unknown> =>
  one(
    `select count(*)::int as entries from audit_entry where object_name = $1 and action like 'migration.event.%'`,
    plan,
  );

describe('evaluate', () => {
  it('stores the question, the answer and an audit entry together', async () => {
    const request = aRequest(ownWorkload('stored'));
    const answer = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    expect(answer.verdict).toBe('allow');
    expect(
      await one('select verdict, content_hash, entry_id from evaluation where plan_uid = $1', request.plan.uid),
    ).toEqual({ verdict: 'allow', content_hash: answer.contentHash, entry_id: answer.receipt.entryId });
    expect(await one('select action from audit_entry where entry_id = $1', answer.receipt.entryId)).toEqual({
      action: 'migration.evaluated',
    });
  });

  it('binds the hash to what would be done, not to suspension', async () => {
    const hash = async (over: Parameters<typeof aRequest>[0]): Promise<string> => {
      const request = aRequest({ uid: 'same', ...ownWorkload('hashed'), ...over });
      return (await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)))).contentHash;
    };
    const { spec } = ownWorkload('hashed');
    const base = await hash({});
    expect(await hash({ spec: { ...spec, suspend: true } })).toBe(base);
    expect(await hash({ spec: { ...spec, traffic: { weights: [100] } } })).not.toBe(base);
    expect(await hash({ facts: { ...ownWorkload('hashed').facts, patchedTemplate: {} } })).not.toBe(base);
  });
});

describe('authorizeStep', () => {
  it('allows a step of what was evaluated and refuses it for anything else', async () => {
    const request = aRequest(ownWorkload('steps'));
    const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const ask = (hash: string) =>
      inTx(database.app, (tx) =>
        authorizeStep(
          tx,
          request.plan.uid,
          { step: 'Prepare', contentHash: hash, detail: 'canary' },
          { ...at(NOON), holds: holdsAnyRole },
        ),
      );
    expect(await ask(contentHash)).toMatchObject({ allowed: true, retryAt: null });
    expect(await ask('0'.repeat(64))).toMatchObject({ allowed: false, retryAt: null });
  });

  it('lets one of two plans have the workload and the other one wait until it is done', async () => {
    const [first, second] = [aRequest(ownWorkload('claimed')), aRequest({ ...ownWorkload('claimed'), name: 'other' })];
    const start = async (request: ReturnType<typeof aRequest>) => {
      const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
      return () =>
        inTx(database.app, (tx) =>
          authorizeStep(
            tx,
            request.plan.uid,
            { step: 'Prepare', contentHash, detail: '' },
            { ...at(NOON), holds: holdsAnyRole },
          ),
        );
    };
    const [askFirst, askSecond] = [await start(first), await start(second)];
    const answers = await Promise.all([askFirst(), askSecond()]);
    expect(answers.map(({ allowed }) => allowed).sort()).toEqual([false, true]);
    expect(answers.find(({ allowed }) => !allowed)).toMatchObject({
      retryAt: '2026-03-10T12:00:15.000Z',
      waitsFor: 'OtherPlan',
    });
    const [winner, askLoser] = answers[0].allowed ? [first, askSecond] : [second, askFirst];
    await inTx(database.app, (tx) =>
      reportCovered(tx, winner.plan.uid, aBatch(winner, recorded(completedEvents)), at(NOON)),
    );
    expect(await askLoser()).toMatchObject({ allowed: true });
  });
});

describe('report', () => {
  it('takes events once, in any order, and ends with the same read model', async () => {
    const events = recorded(completedEvents);
    const views = [];
    for (const order of [events, events.toReversed(), [...events, ...events]]) {
      const request = aRequest(ownWorkload(`order-${views.length}`));
      for (const event of order)
        await inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, aBatch(request, [event]), at(NOON)));
      expect(await reportedEntries(request.plan.name)).toEqual({ entries: events.length });
      views.push(
        await one(
          'select phase, weight, outcome, source_scc, target_scc, traffic, events, finished_at from view_migration where plan_uid = $1',
          request.plan.uid,
        ),
      );
    }
    expect(views[0]).toMatchObject({ phase: 'Completed', outcome: 'completed', weight: 0, events: events.length });
    expect(views[1]).toEqual(views[0]);
    expect(views[2]).toEqual(views[0]);
  });

  it('stores one effect of the same batch sent twenty times at once', async () => {
    const request = aRequest(ownWorkload('twenty'));
    const batch = aBatch(request, recorded(completedEvents));
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, batch, at(NOON))),
      ),
    );
    expect(answers.map(({ accepted }) => accepted).sort()).toEqual([
      ...Array<number>(19).fill(0),
      completedEvents.length,
    ]);
    expect(await reportedEntries('twenty')).toEqual({ entries: completedEvents.length });
  });

  it('takes a message that the database could not hold as it is', async () => {
    const request = aRequest(ownWorkload('nul'));
    const events = recorded([['RollingBack', { type: 'UndoStarted', cause: 'error', message: 'bad\0byte' }]]);
    await inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, aBatch(request, events), at(NOON)));
    expect(await one('select message from view_migration where plan_uid = $1', request.plan.uid)).toEqual({
      message: 'rolling back because bad\uFFFDbyte',
    });
  });

  it('enters into the registry since when the workload runs under which SCC', async () => {
    const request = aRequest(ownWorkload('registered'));
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    for (const event of recorded(completedEvents))
      await inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, aBatch(request, [event]), at(NOON)));
    const entries = await database.app.query<unknown[]>(
      'select scc, reason, activated_at, deactivated_at from scc_activation where name = $1 order by activated_at',
      ['registered'],
    );
    const [observed, migrated] = [new Date('2026-03-10T12:01:00Z'), new Date('2026-03-10T12:06:00Z')];
    expect(entries).toEqual([
      { scc: 'anyuid', reason: 'observed', activated_at: observed, deactivated_at: migrated },
      { scc: 'restricted-v2', reason: 'migrated', activated_at: migrated, deactivated_at: null },
    ]);
  });
});

describe('checkCommand', () => {
  it('lets every caller stop and undo, and none skip without authority', async () => {
    const request = aRequest(ownWorkload('commands'));
    const { uid } = request.plan;
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const ask = (command: 'pause' | 'rollback' | 'skip', token: string | null = null) =>
      inTx(database.app, (tx) =>
        checkCommand(tx, uid, { command, source: 'signal', actor: 'mallory', reason: null, token }, at(NOON)),
      );
    expect(await ask('pause')).toMatchObject({ allowed: true });
    expect(await ask('rollback')).toMatchObject({ allowed: true });
    expect(await ask('skip')).toMatchObject({ allowed: false });
    const { token } = await inTx(database.app, (tx) =>
      issueCommandGrant(tx, uid, { command: 'skip', reason: 'known' }, at(NOON, person('olga', 'operator'))),
    );
    const uses = await Promise.all([ask('skip', token), ask('skip', token)]);
    expect(uses.map(({ allowed }) => allowed).sort()).toEqual([false, true]);
  });
});

describe('pre-images', () => {
  it('keeps the first image of every object', async () => {
    const request = aRequest(ownWorkload('images'));
    const { uid } = request.plan;
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const save = (value: string) =>
      inTx(database.app, (tx) =>
        savePreImages(
          tx,
          uid,
          {
            workflowId: 'w',
            images: [
              { key: 'v1|Service|a', order: 1, manifest: { value } },
              { key: 'v1|Service|b', order: 0, manifest: null },
            ],
          },
          at(NOON),
        ),
      );
    await save('before');
    await save('changed');
    expect(await preImages(database.app, uid)).toEqual({
      workflowId: 'w',
      images: [
        { key: 'v1|Service|b', order: 0, manifest: null },
        { key: 'v1|Service|a', order: 1, manifest: { value: 'before' } },
      ],
    });
  });
});

describe('a migration that is over', () => {
  const undone: typeof completedEvents = [
    ['RollingBack', { type: 'UndoStarted', cause: 'gate', message: 'too many failed' }],
    ['RolledBack', { type: 'UndoFinished', differences: [] }],
  ];

  it.each([
    ['Completed', completedEvents],
    ['RolledBack', undone],
  ] as const)('is recorded as %s, hands out no pre-images and allows no step', async (phase, events) => {
    const request = aRequest(ownWorkload(`over-${phase.toLowerCase()}`));
    const { uid, namespace, name } = request.plan;
    const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const images = { workflowId: 'w', images: [{ key: 'target', order: 0, manifest: { value: 'before' } }] };
    const save = () => inTx(database.app, (tx) => savePreImages(tx, uid, images, at(NOON)));
    await save();
    expect(await outcomeOf(database.app, uid)).toEqual({
      plan: { namespace, name, uid },
      end: null,
      begun: false,
      afterwards: null,
      untrusted: null,
    });

    const told = recorded([...events]);
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, told), at(NOON)));
    expect(await outcomeOf(database.app, uid)).toMatchObject({ plan: { name }, end: { phase, at: told.at(-1)?.at } });
    await expect(preImages(database.app, uid)).rejects.toMatchObject({ kind: 'conflict' });
    await expect(save()).rejects.toMatchObject({ kind: 'conflict' });
    const step = { step: 'Prepare', contentHash, detail: '' } as const;
    const verdict = await inTx(database.app, (tx) =>
      authorizeStep(tx, uid, step, { ...at(NOON), holds: holdsAnyRole }),
    );
    expect(verdict).toMatchObject({ allowed: false, reason: `the migration is over: ${phase}; apply a new plan` });
  });

  it('stays as it ended, although another workflow reports of it later', async () => {
    const request = aRequest(ownWorkload('over-for-good'));
    const { uid } = request.plan;
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, recorded(completedEvents)), at(NOON)));
    const later = recorded([...undone], completedEvents.length);
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, later, 'run-2'), at(NOON)));
    expect((await outcomeOf(database.app, uid)).end?.phase).toBe('Completed');
  });

  it('is not known when the plan was never asked about', async () => {
    await expect(outcomeOf(database.app, 'never-heard-of')).rejects.toMatchObject({ kind: 'notFound' });
  });
});
