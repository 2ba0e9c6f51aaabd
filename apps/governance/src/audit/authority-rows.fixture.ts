import { expect } from '@jest/globals';
import { policyBindingSchema, policyDocumentSchema } from '@scc/policy';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { createBinding } from '../access/bindings.js';
import { breakGlass, reviewBreakGlass } from '../approvals/break-glass.js';
import { recordDecision, withdraw } from '../approvals/decisions.js';
import { authorizeStep } from '../engine/authorize.js';
import { checkCommand, issueCommandGrant } from '../engine/commands.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { reviewLiveSettings } from '../engine/live-settings.js';
import { savePreImages } from '../engine/pre-images.js';
import { aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload, person } from '../governance.fixture.js';
import { approveException, requestException, revokeException } from '../policies/exceptions.js';
import { removePolicyBinding, saveBinding, savePolicy } from '../policies/store.js';
import { calendarEntrySchema, saveCalendarEntry } from '../schedule/store.js';
import { liftStop, setStop } from '../stops/stops.js';
import { beginAs, observeSCCs } from './engine-rows.fixture.js';
import { Adoption } from './adoption.js';
import type { Contradiction } from '@scc/audit';
import { receiverInputSchema } from '@scc/governance-api';
import { aBatch, completedEvents, type DomainDatabase, recorded, reportCovered } from '../governance.fixture.js';
import { saveReceiver } from '../notifications/receivers.js';
import { settleOutcomes } from '../risk/outcomes.js';
import { contradictionsIn } from './authority-watch.js';

interface Evaluated {
  uid: string;
  contentHash: string;
}
const admin = at(NOON, person('olga', 'admin'));
const granter = { grants: [{ role: 'admin' as const, namespaces: '*', because: 'spec' }], scope: ['*'] };

const policy = (message: string) =>
  policyDocumentSchema.parse({
    name: 'spec-policy',
    rules: [{ name: 'rule', when: 'workload.name == "none"', verdict: 'deny', message, remedy: 'wait' }],
  });
const warning = policyDocumentSchema.parse({
  name: 'spec-warning',
  rules: ['first', 'second'].map((name) => ({
    ...{
      name,
      when: 'workload.name in ["approved", "edited"]',
      verdict: 'deny',
      message: `${name} 😀`,
      remedy: 'wait',
    },
  })),
});
const warned = policyBindingSchema.parse({
  ...{ name: 'spec-warned', policy: 'spec-warning', version: 1, action: 'warn', namespaces: ['*'] },
});
const binding = policyBindingSchema.parse({
  ...{ name: 'spec-binding', policy: 'spec-policy', version: 1, action: 'enforce', namespaces: ['shop', 'b*'] },
});
const receiver = receiverInputSchema.parse({
  ...{ name: 'spec-receiver', type: 'webhook', url: 'https://hooks.example.org/scc', signingSecret: 'hooks' },
  ...{ namespaces: ['*'], kinds: ['migration.*'] },
});
const freeze = calendarEntrySchema.parse({
  ...{ name: 'spec-freeze', kind: 'freeze', reason: 'stocktaking', timeZone: 'Europe/Berlin', namespaces: ['bank'] },
  label: { key: 'tier', value: 'gold' },
  recurrence: { type: 'once', from: '2026-04-01T00:00', to: '2026-04-02T00:00' },
});

async function waitingPlan(database: DomainDatabase, name: string) {
  const workload = ownWorkload(name);
  const request = aRequest({
    ...workload,
    spec: { ...workload.spec, approval: { required: true } },
    facts: { ...workload.facts, podTemplate: { metadata: {}, spec: { containers: [], note: 'a\u0000b é' } } },
  });
  const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  return { uid: request.plan.uid, contentHash, spec: request.spec };
}
const decide = (
  database: DomainDatabase,
  { uid, contentHash }: Evaluated,
  by: string,
  decision: 'approve' | 'refuse' = 'approve',
) =>
  inTx(database.app, (tx) =>
    recordDecision(tx, uid, { decision, contentHash, reason: 'reviewed' }, at(NOON, person(by, 'approver'))),
  );
/** Sits between what one person asks for and what another one says to it. */
const excepted = (database: DomainDatabase, name: string) =>
  inTx(database.app, (tx) =>
    requestException(
      tx,
      {
        ...{ policy: 'spec-policy', target: { namespace: 'shop', kind: 'Deployment' as const, name } },
        ...{ reason: 'the vendor is late', expiresAt: '2026-04-01T02:00:00+02:00' },
      },
      at(NOON, person('ed', 'operator')),
    ),
  );

/** Every kind of row that carries authority, made as the service makes it. */
export async function makeAuthorityRows(database: DomainDatabase): Promise<void> {
  // The fixture has put its role bindings there by hand: they are what an earlier version left.
  await new Adoption(database.app, contradictionsIn).adopt();
  const inAdmin = <T>(work: (tx: EntityManager) => Promise<T>): Promise<T> => inTx(database.app, work);
  await inAdmin((tx) =>
    createBinding(tx, { role: 'approver', subject: { kind: 'User', name: 'åsa' }, namespaces: 'shop' }, granter, admin),
  );
  await inAdmin((tx) => savePolicy(tx, policy('no'), 0, admin));
  await inAdmin((tx) => saveBinding(tx, binding, 0, admin));
  await inAdmin((tx) => savePolicy(tx, warning, 0, admin));
  await inAdmin((tx) => saveBinding(tx, warned, 0, admin));
  await inAdmin((tx) => saveBinding(tx, { ...binding, name: 'spec-removed' }, 0, admin));
  await inAdmin((tx) => removePolicyBinding(tx, 'spec-removed', 1, admin));
  await inAdmin((tx) => saveCalendarEntry(tx, freeze, 0, admin));
  const [lifted, revoked] = [await excepted(database, 'lifted'), await excepted(database, 'revoked')];
  await inAdmin((tx) => approveException(tx, lifted.id, 1, at(NOON, person('eva', 'admin'))));
  await inAdmin((tx) => revokeException(tx, revoked.id, 1, at(NOON, person('eva', 'admin'))));
  const plan = await waitingPlan(database, 'approved');
  await decide(database, plan, 'bob');
  const step = { step: 'Prepare' as const, contentHash: plan.contentHash, detail: '' };
  await inAdmin((tx) => authorizeStep(tx, plan.uid, step, { ...at(NOON), holds: holdsAnyRole }));
  await inAdmin((tx) =>
    savePreImages(
      tx,
      plan.uid,
      {
        workflowId: 'w',
        images: [
          {
            key: 'apps/v1 Deployment shop/ledger',
            order: 1,
            manifest: { kind: 'Deployment', spec: { x: 'ü', n: 1.5 } },
          },
          { key: 'v1 Service shop/ledger', order: 2, manifest: null },
        ],
      },
      at(NOON),
    ),
  );
  await observeSCCs(database.app);
  const live = await waitingPlan(database, 'edited');
  await decide(database, live, 'bob');
  const begun = { step: 'Prepare' as const, contentHash: live.contentHash, detail: '' };
  await inAdmin((tx) => authorizeStep(tx, live.uid, begun, { ...at(NOON), holds: holdsAnyRole }));
  await beginAs(database.app, live.uid);
  const { gates, traffic } = live.spec;
  const edit = { gates: { ...gates, metrics: [] }, traffic: { interval: traffic.interval } };
  await inAdmin((tx) => reviewLiveSettings(tx, live.uid, { generation: 2, editors: [], ...edit }, at(NOON)));
  const refused = await waitingPlan(database, 'refused');
  await decide(database, refused, 'bob', 'refuse');
  const taken = await waitingPlan(database, 'taken');
  await decide(database, taken, 'bob');
  await inAdmin((tx) => withdraw(tx, taken.uid, at(NOON, person('bob', 'approver'))));
  const broken = await waitingPlan(database, 'broken');
  const glass = { contentHash: broken.contentHash, reason: 'the shop is down, nobody answers' };
  await inAdmin((tx) => breakGlass(tx, broken.uid, glass, at(NOON, person('gus', 'admin'))));
  const used = z.array(z.object({ id: z.string() })).parse(await database.app.query('select id from break_glass'));
  await inAdmin((tx) => reviewBreakGlass(tx, used[0]?.id ?? '', 'it was needed', at(NOON, person('rita', 'auditor'))));
  const stop = (namespace: string | null) =>
    inAdmin((tx) => setStop(tx, { namespace, takeBack: false, reason: 'the bank is closed' }, admin));
  const { id } = await stop('bank');
  await stop(null);
  await inAdmin((tx) => liftStop(tx, id, 'it is open again', admin));
  const grant = { command: 'skip' as const, reason: 'known' };
  const issue = () => inAdmin((tx) => issueCommandGrant(tx, plan.uid, grant, at(NOON, person('olga', 'operator'))));
  const { token } = await issue();
  await issue();
  await inAdmin((tx) =>
    checkCommand(tx, plan.uid, { command: 'skip', source: 'update', actor: 'olga', reason: null, token }, at(NOON)),
  );
  const unallowed = { step: 'Prepare' as const, contentHash: taken.contentHash, detail: '' };
  await inAdmin((tx) => authorizeStep(tx, taken.uid, unallowed, { ...at(NOON), holds: holdsAnyRole }));
  const completed = aRequest(ownWorkload('completed'));
  await inAdmin((tx) => evaluatePlan(tx, completed, at(NOON)));
  const events = aBatch(completed, recorded(completedEvents));
  await inAdmin((tx) => reportCovered(tx, completed.plan.uid, events, at(NOON)));
  await inAdmin((tx) => settleOutcomes(tx, new Date(Date.parse(NOON) + 72 * 3_600_000)));
  await inAdmin((tx) => saveReceiver(tx, receiver, 0, admin));
}

/** What one statement after the other of an attacker makes of the comparison; nothing of it stays. */
export async function contradictionsAfter(
  database: DomainDatabase,
  statements: readonly string[],
): Promise<Contradiction[]> {
  class Undone extends Error {}
  let found: Contradiction[] = [];
  const attack = database.admin.transaction(async (tx) => {
    await tx.query(`set local session_replication_role = 'replica'`);
    for (const statement of statements) await tx.query(statement);
    found = await contradictionsIn(tx);
    throw new Undone();
  });
  await expect(attack).rejects.toBeInstanceOf(Undone);
  return found;
}
