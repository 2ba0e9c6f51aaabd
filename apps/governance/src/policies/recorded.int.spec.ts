import { describe, expect, it } from '@jest/globals';
import { recordedVerdictSchema } from '@scc/governance-api';
import { policyBindingSchema, policyDocumentSchema } from '@scc/policy';
import { z } from 'zod';
import { EVERYWHERE } from '../call/scope.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, inTx, NOON, ownWorkload, person, row } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';
import { approveException, requestException } from './exceptions.js';
import { countedVerdicts, listVerdicts } from './recorded.js';
import { saveBinding, savePolicy } from './store.js';

const { database, test } = apiSuite();
const author = at(NOON, person('paula', 'policy-author'));

/** A policy that refuses one workload, bound so that it does not. */
async function bound(name: string, action: 'enforce' | 'warn' | 'audit') {
  const rules = [
    {
      name: 'rule',
      when: `workload.name == "${name}"`,
      verdict: 'deny',
      message: `${name} is refused`,
      remedy: 'wait',
    },
  ];
  await inTx(database.app, async (tx) => {
    await savePolicy(tx, policyDocumentSchema.parse({ name, rules }), 0, author);
    await saveBinding(tx, policyBindingSchema.parse({ name, policy: name, version: 1, action }), 0, author);
  });
  const request = aRequest(ownWorkload(name));
  return {
    request,
    ask: () => inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON))),
    kept: () => listVerdicts(database.app, { plan: request.plan.uid }, { limit: 10, after: null, scope: EVERYWHERE }),
  };
}

describe('what a policy says without effect', () => {
  it.each(['warn', 'audit'] as const)('is kept when its binding only says %s', async (action) => {
    const { ask, kept, request } = await bound(`only-${action}`, action);
    const said = { policy: `only-${action}`, rule: 'rule', because: action, would: 'deny' };
    const answer = await ask();
    expect(answer).toMatchObject({ verdict: 'allow', recorded: [said] });
    await ask();
    expect(await kept()).toMatchObject([{ ...said, plan: { uid: request.plan.uid }, entryId: answer.receipt.entryId }]);
    expect(
      await row(
        database.app,
        `select convert_from(body, 'UTF8')::json #> '{details,recorded}' as recorded from audit_entry where entry_id = $1`,
        answer.receipt.entryId,
      ),
    ).toMatchObject({ recorded: [said] });
    expect(countedVerdicts()).toContainEqual({ labels: { policy: said.policy, because: action }, value: 2 });
  });

  it('is kept as far as the entry of the evaluation can say it', async () => {
    const when = 'workload.name == "at-length"';
    const message = 'the limit of PostgreSQL and of an entry is met by 😀';
    const rules = Array.from({ length: 20 }, (_, index) => ({
      ...{ name: `rule-${index}`, when, verdict: 'deny', message, remedy: 'wait' },
      // An odd number of units, so that the cut meets the middle of a character.
      messageExpression: `"x${'😀'.repeat(180)}"`,
    }));
    await inTx(database.app, async (tx) => {
      await savePolicy(tx, policyDocumentSchema.parse({ name: 'at-length', rules }), 0, author);
      for (const name of ['at-length-1', 'at-length-2', 'at-length-3'])
        await saveBinding(
          tx,
          policyBindingSchema.parse({ name, policy: 'at-length', version: 1, action: 'warn' }),
          0,
          author,
        );
    });
    const request = aRequest(ownWorkload('at-length'));
    const answer = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    expect(answer.recorded).toHaveLength(60);
    expect(countedVerdicts()).toContainEqual({ labels: { policy: 'at-length', because: 'warn' }, value: 60 });
    const entry = await row(
      database.app,
      `select convert_from(body, 'UTF8')::json #> '{details,recorded}' as recorded from audit_entry where entry_id = $1`,
      answer.receipt.entryId,
    );
    const { recorded } = z.object({ recorded: z.array(recordedVerdictSchema) }).parse(entry);
    const kept = await listVerdicts(
      database.app,
      { plan: request.plan.uid },
      { limit: 100, after: null, scope: EVERYWHERE },
    );
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.map(({ binding, rule, message: said }) => [binding, rule, said]).toReversed()).toEqual(
      recorded.map(({ binding, rule, message: said }) => [binding, rule, said]),
    );
  });

  it('is kept when an exception lifted it', async () => {
    const { ask, kept } = await bound('lifted', 'enforce');
    expect(await ask()).toMatchObject({ verdict: 'deny', recorded: [] });
    await inTx(database.app, async (tx) => {
      const { id } = await requestException(
        tx,
        {
          policy: 'lifted',
          target: { namespace: 'shop', kind: 'Deployment', name: 'lifted' },
          reason: 'until the next release',
          expiresAt: '2026-03-20T00:00:00Z',
        },
        author,
      );
      await approveException(tx, id, 1, at(NOON, person('eve', 'approver')));
    });
    expect(await ask()).toMatchObject({ verdict: 'allow', recorded: [{ because: 'exception', policy: 'lifted' }] });
    expect(await kept()).toMatchObject([{ because: 'exception', message: 'lifted is refused' }]);
  });

  it('can be listed by time, reason and policy', async () => {
    const { ask } = await bound('listed', 'audit');
    await ask();
    const list = async (query: string) => {
      const { body } = await test.call('vera/viewer', 'GET', `/v1/policy-verdicts?policy=listed&${query}`);
      return body;
    };
    const there = { items: [{ policy: 'listed', would: 'deny', evaluatedAt: NOON }], nextCursor: null };
    expect(await list('from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z&because=audit')).toMatchObject(there);
    expect(await list('from=2026-04-01T00:00:00Z')).toEqual({ items: [], nextCursor: null });
    expect(await list('because=warn')).toEqual({ items: [], nextCursor: null });
  });
});
