import { describe, expect, it } from '@jest/globals';
import type { EvaluationRequest } from '@scc/governance-api';
import { policyBindingSchema, policyDocumentSchema } from '@scc/policy';
import { recordDecision } from '../approvals/decisions.js';
import { aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload, person } from '../governance.fixture.js';
import { removePolicyBinding, saveBinding, savePolicy } from '../policies/store.js';
import { governanceSuite } from '../suite.fixture.js';
import { authorizeStep } from './authorize.js';
import { evaluatePlan } from './evaluate.js';

/** Refusals of governance: what each one says to do is done, and the next plan is let through. */

const database = governanceSuite();
const evaluate = (request: EvaluationRequest) => inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));

describe('what a refusal of governance says to do', () => {
  it.each([
    ['its expression is corrected, and the new version is bound', 'corrected'],
    ['it is unbound', 'unbound'],
  ] as const)('is done for a policy that cannot be evaluated: %s', async (_way, name) => {
    const author = at(NOON, person('paula', 'policy-author'));
    const gold = (guard: string) =>
      policyDocumentSchema.parse({
        name,
        rules: [
          {
            ...{ name: 'rule', when: `plan.name == "${name}" && ${guard}workload.labels.tier == "gold"` },
            ...{ verdict: 'deny', message: 'no', remedy: 'wait' },
          },
        ],
      });
    const bound = (version: number) => policyBindingSchema.parse({ name, policy: name, version, action: 'enforce' });
    const { rowVersion } = await inTx(database.app, async (tx) => {
      const { version } = await savePolicy(tx, gold(''), 0, author);
      return saveBinding(tx, bound(version), 0, author);
    });
    const { verdict, violations } = await evaluate(aRequest(ownWorkload(name)));
    expect([verdict, violations.map(({ code }) => code)]).toEqual(['deny', ['PolicyFailed']]);
    expect(violations[0]?.remedy).toMatch(
      /^Correct the expression of the policy and bind its new version, or unbind it/,
    );

    await inTx(database.app, async (tx) => {
      if (name === 'unbound') return removePolicyBinding(tx, name, rowVersion, author);
      const { version } = await savePolicy(tx, gold('has(workload.labels.tier) && '), 1, author);
      return saveBinding(tx, bound(version), rowVersion, author);
    });
    expect(await evaluate(aRequest(ownWorkload(name)))).toMatchObject({ verdict: 'allow', violations: [] });
  });

  it('is done for a plan that a person refused: it is changed, applied under a new name, and approved', async () => {
    const asked = async (name: string, justification: string) => {
      const workload = ownWorkload('unapproved');
      const spec = { ...workload.spec, justification, approval: { required: true } };
      const request = aRequest({ ...workload, name, spec });
      const { contentHash } = await evaluate(request);
      const { uid } = request.plan;
      const step = () =>
        inTx(database.app, (tx) =>
          authorizeStep(tx, uid, { step: 'Prepare', contentHash, detail: '' }, { ...at(NOON), holds: holdsAnyRole }),
        );
      const decide = (decision: 'approve' | 'refuse') =>
        inTx(database.app, (tx) =>
          recordDecision(
            tx,
            uid,
            { decision, contentHash, reason: 'say what it is for' },
            at(NOON, person('bob', 'approver')),
          ),
        );
      return { decide, step };
    };
    const first = await asked('unapproved', 'because');
    expect(await first.decide('refuse')).toMatchObject({ status: 'refused' });
    expect(await first.step()).toMatchObject({ allowed: false });
    const second = await asked('unapproved-2', 'the database needs no root any more');
    expect(await second.decide('approve')).toMatchObject({ status: 'granted' });
    expect(await second.step()).toMatchObject({ allowed: true });
  });
});
