import { describe, expect, it } from '@jest/globals';
import type { StepRequest } from '@scc/governance-api';
import { defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import { recordDecision } from '../approvals/decisions.js';
import { listRequests } from '../approvals/requests.js';
import { EVERYWHERE } from '../call/scope.js';
import { aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload, person } from '../governance.fixture.js';
import { installDefaultPolicies } from '../policies/defaults.js';
import { observeSCC } from '../registry/versions.js';
import { governanceSuite } from '../suite.fixture.js';
import { authorizeStep } from './authorize.js';
import { evaluatePlan } from './evaluate.js';

/** An SCC that is edited between the approval of a plan and what is done under it. */

const database = governanceSuite();
const minute = (minutes: number): string => new Date(Date.parse(NOON) + minutes * 60_000).toISOString();
const defaults = new Map(defaultSCCs().map((scc) => [scc.metadata.name, scc]));

function scc(like: string, name: string, over: Partial<SecurityContextConstraints> = {}): SecurityContextConstraints {
  const found = defaults.get(like);
  if (!found) throw new Error(`no default ${like}`);
  return { ...found, metadata: { name }, ...over };
}

/** A plan to an SCC of its own, judged at noon; times are minutes after it. */
async function planned(name: string, { approval = true }: { approval?: boolean } = {}) {
  const base = ownWorkload(name);
  const observe = (content: SecurityContextConstraints | null, minutes: number) =>
    inTx(database.app, (tx) => observeSCC(tx, name, content, { at: new Date(minute(minutes)) }));
  await observe(scc('restricted-v2', name), -60);
  const request = aRequest({
    ...base,
    spec: { ...base.spec, targetSCC: name, approval: { required: approval } },
    facts: { ...base.facts, targetSCC: name },
  });
  const { uid } = request.plan;
  const evaluate = (minutes: number) => inTx(database.app, (tx) => evaluatePlan(tx, request, at(minute(minutes))));
  const { contentHash } = await evaluate(0);
  const ask = (minutes: number, step: StepRequest['step'], hash = contentHash) =>
    inTx(database.app, (tx) =>
      authorizeStep(tx, uid, { step, contentHash: hash, detail: '' }, { ...at(minute(minutes)), holds: holdsAnyRole }),
    );
  const decide = (minutes: number, decision: 'approve' | 'refuse', hash = contentHash) => {
    const made = { decision, contentHash: hash, reason: 'reviewed' };
    return inTx(database.app, (tx) => recordDecision(tx, uid, made, at(minute(minutes), person('bob', 'approver'))));
  };
  const waiting = async (minutes: number) => {
    const page = { limit: 10, after: null, scope: EVERYWHERE };
    return listRequests(database.app, { status: 'pending', plan: uid }, page, new Date(minute(minutes)));
  };
  return { observe, evaluate, contentHash, ask, decide, waiting };
}

/** The same, approved and begun. */
async function begun(name: string, options?: { approval?: boolean }) {
  const plan = await planned(name, options);
  if (options?.approval !== false) await plan.decide(1, 'approve');
  expect(await plan.ask(2, 'Prepare')).toMatchObject({ allowed: true });
  return plan;
}

const LOOSER: [string, Partial<SecurityContextConstraints>][] = [
  ['privileged containers', { allowPrivilegedContainer: true }],
  ['paths of the host', { allowHostDirVolumePlugin: true, volumes: ['*'] }],
  ['any user', { runAsUser: { type: 'RunAsAny' } }],
  ['more capabilities', { allowedCapabilities: ['SYS_ADMIN'] }],
];

describe('before anything is touched', () => {
  it.each(LOOSER)('an SCC that came to permit %s is judged and approved again', async (what, over) => {
    const name = `before-${what.replaceAll(' ', '-')}`;
    const plan = await planned(name);
    await plan.decide(1, 'approve');
    await plan.observe(scc('restricted-v2', name, over), 2);
    expect(await plan.ask(3, 'Prepare')).toMatchObject({ allowed: false, waitsFor: 'Evaluation' });
    const { contentHash } = await plan.evaluate(4);
    expect(contentHash).not.toBe(plan.contentHash);
    expect(await plan.ask(5, 'Prepare', contentHash)).toMatchObject({ allowed: false, reason: /approval is pending/ });
  });

  it('an SCC that permits less, or was deleted, is judged again too', async () => {
    const plan = await planned('before-less');
    await plan.observe(scc('restricted-v2', 'before-less', { volumes: ['configMap'] }), 2);
    expect(await plan.ask(3, 'Prepare')).toMatchObject({ waitsFor: 'Evaluation' });
    await plan.observe(null, 4);
    expect(await plan.ask(5, 'Prepare')).toMatchObject({ waitsFor: 'Evaluation' });
  });

  it('an SCC that is as it was again needs nothing new', async () => {
    const plan = await planned('before-back');
    await plan.decide(1, 'approve');
    await plan.observe(scc('restricted-v2', 'before-back', { allowHostPorts: true }), 2);
    await plan.observe(scc('restricted-v2', 'before-back'), 3);
    expect(await plan.ask(4, 'Prepare')).toMatchObject({ allowed: true });
  });
});

describe('in the middle of a migration', () => {
  it.each(['Mirror', 'Shift', 'Migrate'] as const)(
    '%s waits until a target that permits more is approved again',
    async (step) => {
      const name = `midway-${step.toLowerCase()}`;
      const plan = await begun(name);
      await plan.observe(scc('restricted-v2', name, { allowHostPorts: true }), 10);
      for (const minutes of [11, 12])
        expect(await plan.ask(minutes, step)).toMatchObject({
          allowed: false,
          waitsFor: 'Reapproval',
          reason: expect.stringMatching(/permits more now: .*has to be approved again/) as unknown,
        });
      expect(await plan.waiting(12)).toMatchObject([{ reason: expect.stringContaining('permits more') as unknown }]);
      await plan.decide(13, 'approve');
      expect(await plan.ask(14, step)).toMatchObject({ allowed: true });
      // The same content needs no third approval; another one does.
      expect(await plan.ask(15, 'Migrate')).toMatchObject({ allowed: true });
      await plan.observe(scc('restricted-v2', name, { allowHostPorts: true, allowHostNetwork: true }), 16);
      expect(await plan.ask(17, 'Migrate')).toMatchObject({ allowed: false, waitsFor: 'Reapproval' });
      expect(await plan.ask(18, 'Undo')).toMatchObject({ allowed: true });
    },
  );

  it('an approver who refuses has it undone', async () => {
    const plan = await begun('midway-refused');
    await plan.observe(scc('restricted-v2', 'midway-refused', { allowHostPorts: true }), 10);
    await plan.ask(11, 'Shift');
    await plan.decide(12, 'refuse');
    expect(await plan.ask(13, 'Shift')).toMatchObject({ allowed: false, retryAt: null });
  });

  it.each<[string, string, Partial<SecurityContextConstraints> | null]>([
    ['permits less', 'less', { volumes: ['configMap'] }],
    ['names other users', 'named', { users: ['ann'], groups: ['team'] }],
    ['is gone', 'gone', null],
  ])('a target that %s goes on', async (_how, name, over) => {
    const plan = await begun(`midway-${name}`);
    await plan.observe(over && scc('restricted-v2', `midway-${name}`, over), 10);
    expect(await plan.ask(11, 'Shift')).toMatchObject({ allowed: true });
  });

  it('a policy that asks for more by now refuses the step', async () => {
    await inTx(database.app, (tx) => installDefaultPolicies(tx, new Date(NOON)));
    const plan = await begun('midway-policy', { approval: false });
    await plan.observe(scc('privileged', 'midway-policy'), 10);
    expect(await plan.ask(11, 'Shift')).toMatchObject({ allowed: false, retryAt: null });
  });
});
