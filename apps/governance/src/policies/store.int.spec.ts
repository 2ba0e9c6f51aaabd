import { describe, expect, it, jest } from '@jest/globals';
import { WORKLOAD_KINDS } from '@scc/plan';
import { policyBindingSchema, policyDocumentSchema } from '@scc/policy';
import { DeadlineExceeded } from '@scc/runtime';
import { authorizeStep } from '../engine/authorize.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload, person, row } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { defaultPolicies, installDefaultPolicies } from './defaults.js';
import { dryRunPolicy } from './dry-run.js';
import {
  approveException,
  type ExceptionInput,
  recordExpiredExceptions,
  requestException,
  revokeException,
} from './exceptions.js';
import { listPolicyBindings, listPolicies, saveBinding, savePolicy } from './store.js';
import { trials } from './threads.js';

const database = governanceSuite();

const author = at(NOON, person('paula', 'policy-author'));
const document = (when: string, name = 'no-friday') =>
  policyDocumentSchema.parse({ name, rules: [{ name: 'rule', when, verdict: 'deny', message: 'no', remedy: 'wait' }] });

describe('savePolicy', () => {
  it('refuses what fails on an example, naming the expression', async () => {
    const bad = inTx(database.app, (tx) => savePolicy(tx, document('workload.labels.tier == "gold"'), 0, author));
    await expect(bad).rejects.toMatchObject({ kind: 'invalid', issues: [{ field: 'rules[0]' }] });
  });

  it('asks for the version that the author saw', async () => {
    const save = (expected: number | null) =>
      inTx(database.app, (tx) => savePolicy(tx, document('time.weekday == "Fri"'), expected, author));
    await expect(save(null)).rejects.toMatchObject({ kind: 'conditionMissing' });
    expect(await save(0)).toMatchObject({ version: 1 });
    await expect(save(0)).rejects.toMatchObject({ kind: 'stale' });
  });

  it('lets one of twenty edits at once win', async () => {
    const edits = Array.from({ length: 20 }, (_none, number) =>
      inTx(database.app, (tx) => savePolicy(tx, document(`time.hour == ${number}`, 'contended'), 0, author)),
    );
    const results = await Promise.allSettled(edits);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(
      await row(database.app, `select count(*)::int as versions from policy_version where name = 'contended'`),
    ).toEqual({
      versions: 1,
    });
  });
});

describe('installDefaultPolicies', () => {
  it('does not depend on how fast this machine tries a policy', async () => {
    const tried = jest.spyOn(trials, 'call').mockRejectedValue(new DeadlineExceeded('trialIssues', 1));
    const undone = new Error('undone');
    let installed: string[] = [];
    const install = inTx(database.app, async (tx) => {
      installed = await installDefaultPolicies(tx, new Date(NOON));
      throw undone;
    });
    await expect(install).rejects.toBe(undone);
    tried.mockRestore();
    expect(installed).toEqual(defaultPolicies().map(({ name }) => name));
  });

  it('installs once, also when two processes start at once, and leaves alone what was changed', async () => {
    const install = () => inTx(database.app, (tx) => installDefaultPolicies(tx, new Date(NOON)));
    const [first, second] = await Promise.all([install(), install()]);
    expect([...first, ...second]).toHaveLength(defaultPolicies().length);
    expect((await listPolicies(database.app)).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['risk-ceiling']),
    );
    const risk = policyBindingSchema.parse({
      name: 'risk-ceiling',
      policy: 'risk-ceiling',
      version: 1,
      action: 'warn',
    });
    await inTx(database.app, (tx) => saveBinding(tx, risk, 1, author));
    expect(await install()).toEqual([]);
    const bindings = await listPolicyBindings(database.app);
    expect(bindings.find(({ name }) => name === 'risk-ceiling')).toMatchObject({ action: 'warn', rowVersion: 2 });
  });
});

describe('an exception', () => {
  const workload = ownWorkload('agent');
  const request = aRequest({
    ...workload,
    spec: { ...workload.spec, targetSCC: 'privileged', justification: 'the node agent loads a kernel module' },
    facts: { ...workload.facts, targetSCC: 'privileged' },
  });
  const input: ExceptionInput = {
    policy: 'privileged-needs-expiry',
    target: { namespace: 'shop', kind: 'Deployment', name: 'agent' },
    reason: 'until the driver is part of the image',
    expiresAt: '2026-03-20T00:00:00Z',
  };
  const ask = (over: Partial<ExceptionInput> = {}) =>
    inTx(database.app, (tx) => requestException(tx, { ...input, ...over }, author));
  const codes = async (): Promise<string[]> =>
    (await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)))).violations.map(({ code }) => code);

  it('lives for 90 days at most', async () => {
    await expect(ask({ expiresAt: '2026-06-09T00:00:00Z' })).rejects.toMatchObject({ kind: 'invalid' });
    await expect(ask({ expiresAt: '2026-03-10T11:00:00Z' })).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('lifts the policy once a second person agreed, and is looked at again at every step', async () => {
    expect(await codes()).toEqual(['PrivilegedNeedsExpiry']);
    const { id } = await ask();
    expect(await codes()).toEqual(['PrivilegedNeedsExpiry']);
    const agree = (by: string) =>
      inTx(database.app, (tx) => approveException(tx, id, 1, at(NOON, person(by, 'approver'))));
    await expect(agree('paula')).rejects.toMatchObject({ kind: 'forbidden' });
    await agree('bob');
    const answer = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    expect(answer).toMatchObject({ verdict: 'requireApproval', violations: [], approvals: [{ count: 2 }] });

    const step = (now: string) =>
      inTx(database.app, (tx) =>
        authorizeStep(
          tx,
          request.plan.uid,
          { step: 'Prepare', contentHash: answer.contentHash, detail: '' },
          { ...at(now), holds: holdsAnyRole },
        ),
      );
    expect((await step(NOON)).reason).toContain('approval is pending');
    expect((await step('2026-03-20T00:00:00Z')).reason).toContain('no exception with an expiry');
    await inTx(database.app, (tx) => revokeException(tx, id, 2, author));
    expect((await step(NOON)).reason).toContain('no exception with an expiry');
  });

  it('has its expiry written to the audit log once', async () => {
    await ask();
    const sweep = () => inTx(database.app, (tx) => recordExpiredExceptions(tx, new Date('2026-03-20T00:00:01Z')));
    const counts = await Promise.all([sweep(), sweep()]);
    expect(counts.toSorted()).toEqual([0, 1]);
  });

  it.each(WORKLOAD_KINDS)('is asked for a %s, which a plan may move', async (kind) => {
    const target = { namespace: 'shop', kind, name: 'of-each-kind' };
    expect(await ask({ target })).toMatchObject({ target, state: 'requested' });
  });
});

describe('dryRunPolicy', () => {
  it('says which past plans it would have refused', async () => {
    const [small, large] = [ownWorkload('small'), ownWorkload('large')];
    for (const workload of [small, large])
      await inTx(database.app, (tx) => evaluatePlan(tx, aRequest(workload), at(NOON)));
    const report = await dryRunPolicy(
      database.app,
      document('workload.name == "large"', 'not-large'),
      { parameters: {}, namespaces: ['*'], kinds: [] },
      100,
    );
    expect(report.refused).toMatchObject([{ name: 'large', was: 'allow', would: 'deny', reasons: ['no'] }]);
  });
});
