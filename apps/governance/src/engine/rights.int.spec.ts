import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EvaluationRequest, evaluationSchema } from '@scc/governance-api';
import { workflowIdOf } from '@scc/migration/contract';
import { z } from 'zod';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import type { AccessReview } from '../access/kubernetes.js';
import { recordIsOld } from '@scc/plan';
import { aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { authorizeStep } from './authorize.js';
import { evaluatePlan } from './evaluate.js';

/** In whose name a plan works, over HTTP: the cluster alone is a stand-in, and only where it is asked who may what. */

const cluster = new TestCluster();
const worker = cluster.issue('system:serviceaccount:scc-system:worker');
const root = cluster.issue('root', { groups: ['system:masters'] });
const database = governanceSuite();
let guarded: GuardedApi;
let asked: AccessReview[] = [];

beforeAll(async () => {
  guarded = await startGuarded(database.app, { cluster });
}, 60_000);
afterAll(() => guarded.close(), 60_000);
beforeEach(() => {
  asked = [];
  grant(() => true);
});

function grant(mayDo: (review: AccessReview) => boolean): void {
  cluster.mayDo = (review) => {
    asked.push(review);
    return mayDo(review);
  };
}

const person = (username: string) => ({
  username,
  uid: `uid-of-${username}`,
  groups: ['team', 'system:authenticated'],
  extra: { 'scopes.authorization.openshift.io': ['user:full'] },
});

type Plan = Partial<EvaluationRequest['plan']>;
function planOf(name: string, over: Plan = {}): EvaluationRequest {
  const request = aRequest(ownWorkload(name));
  return { ...request, plan: { ...request.plan, author: 'alice', authorIdentity: person('alice'), ...over } };
}

async function evaluate(request: EvaluationRequest) {
  const path = `/v1/migrations/${request.plan.uid}/evaluations`;
  return evaluationSchema.parse((await guarded.call(worker, 'POST', path, request)).body);
}
const codesOf = ({ violations }: { violations: { code: string; field: string }[] }): string[] =>
  violations.map(({ code, field }) => `${code} ${field}`);

const verbIs =
  (...verbs: string[]) =>
  ({ resourceAttributes: { verb } }: AccessReview): boolean =>
    verbs.includes(verb);

describe('an evaluation', () => {
  it('shows who holds what the plan uses, and asks with all that is known about them', async () => {
    const answer = await evaluate(planOf('held'));
    expect(answer).toMatchObject({ verdict: 'allow', violations: [] });
    expect(answer.rights).toEqual([
      { right: 'update deployments.apps/held in shop', heldBy: ['alice'], missingFor: [] },
      { right: 'use the SCC restricted-v2 in shop', heldBy: ['alice'], missingFor: [] },
    ]);
    const { username: user, ...known } = person('alice');
    expect(asked).toContainEqual({
      user,
      ...known,
      resourceAttributes: { group: 'apps', resource: 'deployments', verb: 'update', namespace: 'shop', name: 'held' },
    });
  });

  it.each<[string, (review: AccessReview) => boolean, string[]]>([
    ['nothing', () => false, ['AuthorLacksRight spec.workloadRef', 'AuthorLacksRight spec.targetSCC']],
    ['the workload alone', verbIs('update'), ['AuthorLacksRight spec.targetSCC']],
    ['the target alone', verbIs('use'), ['AuthorLacksRight spec.workloadRef']],
    ['the workload by patch, the target by use', verbIs('patch', 'use'), []],
    ['the target by binding its ClusterRole', verbIs('update', 'create', 'bind'), []],
    ['a binding of the ClusterRole and no RoleBinding', verbIs('update', 'bind'), ['AuthorLacksRight spec.targetSCC']],
    [
      'a target that the ServiceAccount may use already',
      ({ user, resourceAttributes: { verb } }) =>
        verb === 'update' || (verb === 'use' && user === 'system:serviceaccount:shop:sa'),
      [],
    ],
  ])('of an author with %s', async (_held, mayDo, codes) => {
    grant(mayDo);
    const answer = await evaluate(planOf('partly'));
    expect(codesOf(answer)).toEqual(codes);
    expect(answer.verdict).toBe(codes.length > 0 ? 'deny' : 'allow');
  });

  it.each<[string, { users: string[]; groups: string[] }, string[]]>([
    ['the author', { users: ['alice'], groups: [] }, []],
    ['a group of the author', { users: [], groups: ['team'] }, []],
    ['the ServiceAccount of the pods', { users: ['system:serviceaccount:shop:sa'], groups: [] }, []],
    ['the ServiceAccounts of the namespace', { users: [], groups: ['system:serviceaccounts:shop'] }, []],
    [
      'others',
      { users: ['Alice', 'team', 'system:serviceaccount:other:sa'], groups: ['alice', 'system:serviceaccounts:other'] },
      ['AuthorLacksRight spec.targetSCC'],
    ],
  ])('takes the users and groups that the target names itself for its users: %s', async (_who, scc, codes) => {
    grant(verbIs('update'));
    cluster.sccs.set('restricted-v2', scc);
    const answer = await evaluate(planOf('listed'));
    cluster.sccs.clear();
    expect(codesOf(answer)).toEqual(codes);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another name', { serviceAccountName: 'deployer' }, 'deployer'],
    ['the deprecated field alone', { serviceAccount: 'deployer' }, 'deployer'],
    ['the deprecated field beside the other', { serviceAccountName: 'sa', serviceAccount: 'deployer' }, 'sa'],
    ['no name any more', {}, 'default'],
    ['an empty name', { serviceAccountName: '' }, 'default'],
  ])('asks for the ServiceAccount of the patched pods, and for no other: with %s', async (_path, spec, account) => {
    grant(({ resourceAttributes: { verb } }) => verb === 'update');
    const request = planOf('switched');
    const podTemplate = { spec: { serviceAccountName: 'sa' } };
    await evaluate({ ...request, facts: { ...request.facts, podTemplate, patchedTemplate: { spec } } });
    const accounts = asked.map(({ user }) => user).filter((user) => user.startsWith('system:serviceaccount:'));
    expect([...new Set(accounts)]).toEqual([`system:serviceaccount:shop:${account}`]);
  });

  it.each<[string, Plan, string[]]>([
    ['an unknown author', { author: null, authorIdentity: null }, ['AuthorUnknown metadata.annotations']],
    ['a record of another person', { authorIdentity: person('bob') }, ['AuthorUnknown metadata.annotations']],
    ['an editor who was not recorded', { editors: ['eve'] }, ['AuthorUnknown metadata.annotations']],
    [
      'an editor who may not do it',
      { editors: ['eve'], editorIdentity: person('eve') },
      ['AuthorLacksRight spec.workloadRef', 'AuthorLacksRight spec.targetSCC'],
    ],
    [
      'an editor who may not do it, behind one who may',
      { editors: ['eve', 'alice'], editorIdentity: person('alice'), earlierEditors: [person('eve')] },
      ['AuthorLacksRight spec.workloadRef', 'AuthorLacksRight spec.targetSCC'],
    ],
    ['earlier editors that cannot be read', { earlierEditors: null }, ['AuthorUnknown metadata.annotations']],
    ['a plan in kube-system', { namespace: 'kube-system' }, ['SystemNamespace metadata.namespace']],
    ['a plan beside the product', { namespace: 'scc-system' }, ['SystemNamespace metadata.namespace']],
  ])('refuses %s', async (name, over, codes) => {
    grant(({ user }) => user === 'alice');
    const answer = await evaluate(planOf(name.replaceAll(/\W+/g, '-'), over));
    expect([answer.verdict, codesOf(answer)]).toEqual(['deny', codes]);
  });

  it('is no yes while the cluster does not answer', async () => {
    cluster.isAway = true;
    const request = planOf('away');
    const answer = await guarded.call(worker, 'POST', `/v1/migrations/${request.plan.uid}/evaluations`, request);
    cluster.isAway = false;
    expect(answer.status).toBe(503);
  });
});

const DAY_MS = 24 * 3_600_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

describe('a record of who wrote a plan', () => {
  it.each<[string, Plan, string[]]>([
    ['of six days', { createdAt: daysAgo(6) }, []],
    ['of eight days', { createdAt: daysAgo(8) }, ['AuthorRecordOld metadata.annotations']],
    ['of eight days, whose plan was deleted and created again', { createdAt: daysAgo(0) }, []],
    [
      'of eight days, beside one of an editor of today',
      { createdAt: daysAgo(8), editors: ['eve'], editorIdentity: person('eve') },
      ['AuthorRecordOld metadata.annotations'],
    ],
    [
      'of eight days, and the author edited the plan today',
      { createdAt: daysAgo(8), editorIdentity: person('alice') },
      [],
    ],
  ])('%s', async (name, over, codes) => {
    const answer = await evaluate(planOf(`age-${name.replaceAll(/\W+/g, '-')}`, over));
    expect(codesOf(answer)).toEqual(codes);
    expect(answer.violations.map(({ remedy }) => remedy).join()).toContain(codes.length ? 'create it again' : '');
  });
});

describe('a right that the author lacks', () => {
  const UPDATE = (name: string) => `update deployments.apps/${name} in shop`;
  const ADMINS = { groups: ['system:masters'] };
  const bob = cluster.issue('bob', ADMINS);
  const carol = cluster.issue('carol', ADMINS);
  const robot = cluster.issue('system:serviceaccount:ci:robot', ADMINS);
  const borrowing = (name: string, over: Plan = {}): EvaluationRequest => {
    const request = planOf(name, over);
    return { ...request, spec: { ...request.spec, approval: { required: false, borrow: true } } };
  };
  /** Everybody may use the SCC; these may update the workload. */
  const onlyUpdatedBy = (...people: string[]): void =>
    grant(({ user, resourceAttributes: { verb } }) => verb === 'use' || people.includes(user));
  const approvalOf = (status: number, body: unknown) =>
    status === 200 ? z.looseObject({ status: z.string() }).parse(body).status : status;
  const approve = async (token: string, { plan }: EvaluationRequest, contentHash: string, lends?: string[]) => {
    const body = { decision: 'approve', role: 'approver', contentHash, ...(lends ? { lends } : {}) };
    const {
      status,
      body: answer,
      detail,
    } = await guarded.call(token, 'POST', `/v1/migrations/${plan.uid}/approvals`, body);
    return { answer: approvalOf(status, answer), detail };
  };
  const stepOf = async ({ plan }: EvaluationRequest, contentHash: string, step: string) => {
    const body = { step, contentHash, detail: '' };
    const { body: answer } = await guarded.call(worker, 'POST', `/v1/migrations/${plan.uid}/steps`, body);
    return z.looseObject({ allowed: z.boolean(), reason: z.string(), waitsFor: z.string().optional() }).parse(answer);
  };
  beforeAll(async () => {
    for (const name of ['bob', 'carol', 'system:serviceaccount:ci:robot'])
      expect(
        await guarded.call(root, 'POST', '/v1/role-bindings', {
          role: 'approver',
          subject: { kind: 'User', name },
          namespaces: 'shop',
        }),
      ).toMatchObject({ status: 201 });
  });

  it('refuses the plan, and says that it may be borrowed', async () => {
    onlyUpdatedBy('bob');
    const { verdict, violations } = await evaluate(planOf('unborrowed'));
    expect(verdict).toBe('deny');
    expect(violations[0]?.remedy).toMatch(/an administrator of shop grant alice .*spec\.approval\.borrow/);
  });

  it('is asked of an approver who holds it, and lent for as long as they do', async () => {
    onlyUpdatedBy('bob');
    const request = borrowing('borrowed');
    const right = UPDATE('borrowed');
    const { verdict, violations, approvals, contentHash } = await evaluate(request);
    expect({ verdict, violations }).toEqual({ verdict: 'requireApproval', violations: [] });
    expect(approvals).toEqual([{ role: 'approver', count: 1, reason: `the author may not ${right}`, lends: [right] }]);

    expect(await approve(carol, request, contentHash, [right])).toEqual({
      answer: 403,
      detail: expect.stringMatching(/carol may not update .* lends only what they hold\. .*grant carol/) as unknown,
    });
    expect(await approve(bob, request, contentHash, ['do everything'])).toMatchObject({
      answer: 422,
      detail: expect.stringContaining(`lend one of: ${right}`) as unknown,
    });
    // An approval that names no right lends none.
    expect(await approve(carol, request, contentHash)).toMatchObject({ answer: 'pending' });
    expect(await stepOf(request, contentHash, 'Prepare')).toMatchObject({ allowed: false });
    expect(await approve(bob, request, contentHash, [right])).toMatchObject({ answer: 'granted' });
    expect(await stepOf(request, contentHash, 'Prepare')).toMatchObject({ allowed: true });
    const again = await evaluate(request);
    expect(again.rights[0]).toEqual({ right, heldBy: [], missingFor: ['alice'], lentBy: ['bob'] });

    onlyUpdatedBy();
    expect(await stepOf(request, contentHash, 'Migrate')).toMatchObject({ allowed: false, waitsFor: 'Rights' });
    onlyUpdatedBy('bob');
    expect(await stepOf(request, contentHash, 'Migrate')).toMatchObject({ allowed: true });
  });

  describe('lost while the migration runs', () => {
    const begun = async (name: string, request = borrowing(name)) => {
      grant(() => true);
      const { contentHash, verdict } = await evaluate(request);
      expect(await stepOf(request, contentHash, 'Prepare')).toMatchObject({ allowed: verdict === 'allow' });
      return { request, migrate: () => stepOf(request, contentHash, 'Migrate'), contentHash };
    };
    const waiting = async ({ plan }: EvaluationRequest) => {
      const { body } = await guarded.call(root, 'GET', `/v1/approvals?status=pending&plan=${plan.uid}`);
      const request = z.looseObject({ needs: z.array(z.unknown()), reason: z.string().nullable() });
      return z.looseObject({ items: z.array(request) }).parse(body).items;
    };

    it('is asked of approvers by a request that names it, once it is missing for a second time', async () => {
      const right = UPDATE('lost-midway');
      const { request, migrate, contentHash } = await begun('lost-midway');
      onlyUpdatedBy('bob');
      expect(await migrate()).toMatchObject({ allowed: false, waitsFor: 'Rights' });
      expect(await waiting(request)).toEqual([]);
      for (const _look of [2, 3])
        expect(await migrate()).toMatchObject({
          waitsFor: 'Rights',
          reason: expect.stringContaining('has to be approved again') as unknown,
        });
      expect(await waiting(request)).toMatchObject([
        {
          needs: [{ role: 'approver', count: 1, lends: [right] }],
          reason: `it was lost while the migration ran: the author may not ${right}`,
        },
      ]);
      expect(await approve(carol, request, contentHash, [right])).toMatchObject({ answer: 403 });
      expect(await approve(bob, request, contentHash, [right])).toMatchObject({ answer: 'granted' });
      expect(await migrate()).toMatchObject({ allowed: true });
    });

    it('is asked no longer when it is held again', async () => {
      const { request, migrate } = await begun('given-back-midway');
      onlyUpdatedBy();
      await migrate();
      await migrate();
      expect(await waiting(request)).toHaveLength(1);
      onlyUpdatedBy('alice');
      expect(await migrate()).toMatchObject({ allowed: true });
      expect(await waiting(request)).toEqual([]);
    });

    it('by the approver who lent it is asked of another', async () => {
      const right = UPDATE('lender-lost');
      const request = borrowing('lender-lost');
      onlyUpdatedBy('bob');
      const { contentHash } = await evaluate(request);
      await approve(bob, request, contentHash, [right]);
      expect(await stepOf(request, contentHash, 'Prepare')).toMatchObject({ allowed: true });
      onlyUpdatedBy('carol');
      const migrate = () => stepOf(request, contentHash, 'Migrate');
      await migrate();
      expect(await migrate()).toMatchObject({ allowed: false, waitsFor: 'Rights' });
      expect(await approve(carol, request, contentHash, [right])).toMatchObject({ answer: 'granted' });
      expect(await migrate()).toMatchObject({ allowed: true });
    });

    it('makes every approval that was given be given again', async () => {
      const required = borrowing('approved-before');
      const request = { ...required, spec: { ...required.spec, approval: { required: true, borrow: true } } };
      const right = UPDATE('approved-before');
      const { migrate, contentHash } = await begun('approved-before', request);
      await approve(carol, request, contentHash);
      expect(await stepOf(request, contentHash, 'Prepare')).toMatchObject({ allowed: true });
      onlyUpdatedBy('bob');
      await migrate();
      await migrate();
      expect(await waiting(request)).toMatchObject([{ needs: [{ count: 1, lends: [right] }] }]);
      onlyUpdatedBy('alice');
      expect(await migrate()).toMatchObject({ allowed: false, waitsFor: 'Rights' });
      expect(await waiting(request)).toMatchObject([{ reason: 'the right that was lost is held again' }]);
      expect(await approve(carol, request, contentHash)).toMatchObject({ answer: 'granted' });
      expect(await migrate()).toMatchObject({ allowed: true });
    });

    it('opens no request when the plan may not borrow it', async () => {
      const { request, migrate } = await begun('lost-unborrowed', planOf('lost-unborrowed'));
      onlyUpdatedBy('bob');
      await migrate();
      expect(await migrate()).toMatchObject({ allowed: false, waitsFor: 'Rights' });
      expect(await waiting(request)).toEqual([]);
    });
  });

  it('is not lent by the author, nor does break-glass lend it', async () => {
    onlyUpdatedBy('bob');
    const request = borrowing('bypassed');
    const { contentHash } = await evaluate(request);
    const alice = cluster.issue('alice', ADMINS);
    expect(await approve(alice, request, contentHash, [UPDATE('bypassed')])).toMatchObject({ answer: 403 });
    const body = { contentHash, reason: 'there is no time to wait for approvers' };
    const { status } = await guarded.call(bob, 'POST', `/v1/migrations/${request.plan.uid}/break-glass`, body);
    expect(status).toBe(200);
    expect(await stepOf(request, contentHash, 'Prepare')).toMatchObject({ allowed: false, waitsFor: 'Rights' });
  });

  it('of an unknown author cannot be lent', async () => {
    const answer = await evaluate(borrowing('unknown', { author: null, authorIdentity: null }));
    expect([answer.verdict, codesOf(answer)]).toEqual(['deny', ['AuthorUnknown metadata.annotations']]);
  });

  it('of a record that is too old can be lent', async () => {
    const { verdict, approvals } = await evaluate(borrowing('aged', { createdAt: daysAgo(8) }));
    expect(verdict).toBe('requireApproval');
    expect(approvals[0]?.lends).toEqual([UPDATE('aged'), 'use the SCC restricted-v2 in shop']);
  });

  it('of a ServiceAccount takes two people', async () => {
    const author = 'system:serviceaccount:argocd:controller';
    onlyUpdatedBy('bob');
    const request = borrowing('gitops', { author, authorIdentity: person(author) });
    const { approvals, contentHash } = await evaluate(request);
    expect(approvals).toMatchObject([{ role: 'approver', count: 2 }]);
    expect(await approve(robot, request, contentHash)).toEqual({
      answer: 403,
      detail: expect.stringContaining('people decide') as unknown,
    });
    expect(await approve(bob, request, contentHash, [UPDATE('gitops')])).toMatchObject({ answer: 'pending' });
    expect(await approve(carol, request, contentHash)).toMatchObject({ answer: 'granted' });
    expect(await stepOf(request, contentHash, 'Prepare')).toMatchObject({ allowed: true });
  });
});

describe('the grant of the target', () => {
  const run = { runId: 'r1', activityId: '1', weight: null };
  const beginVerdict = z.looseObject({ allowed: z.boolean(), reason: z.string(), mayGrant: z.boolean().optional() });

  /** Whether the target may be granted, of a plan that everything was there for when it was evaluated and begun. */
  async function mayGrant(name: string, then: (review: AccessReview) => boolean, over: Plan = {}) {
    const request = planOf(name, over);
    const path = `/v1/migrations/${request.plan.uid}`;
    const { contentHash } = await evaluate(request);
    await guarded.call(worker, 'POST', `${path}/steps`, { step: 'Prepare', contentHash, detail: '' });
    const begin = async (activity: string, activityId: string) => {
      const own = { ...run, activityId, workflowId: workflowIdOf(request.plan), activity, way: 'forward' };
      const { body } = await guarded.call(worker, 'POST', `${path}/activities`, own);
      const verdict = beginVerdict.parse(body);
      expect(verdict).toMatchObject({ allowed: true });
      await guarded.call(worker, 'POST', `${path}/activities/done`, { workflowId: own.workflowId, ...run, activityId });
      return verdict;
    };
    expect((await begin('recordPreImages', '1')).mayGrant).toBeUndefined();
    grant(then);
    return (await begin('grantTarget', '2')).mayGrant;
  }
  const account = 'system:serviceaccount:shop:sa';

  it.each<[string, (review: AccessReview) => boolean, boolean]>([
    ['may be made by an author who may use it', ({ user }) => user === 'alice', true],
    [
      'may be made by an author who may bind its role',
      ({ user, resourceAttributes: { verb } }) => user === 'alice' && verb !== 'use',
      true,
    ],
    ['is not made because the ServiceAccount may use it', ({ user }) => user === account, false],
    ['is not made when all have lost it', () => false, false],
  ])('%s', async (name, then, expected) => {
    expect(await mayGrant(`grant-${name.replaceAll(' ', '-').toLowerCase()}`, then)).toBe(expected);
  });

  it('is not made where the last editor may not make it, whatever the author may', async () => {
    const editor = { editors: ['eve'], editorIdentity: person('eve') };
    expect(await mayGrant('grant-edited', ({ user }) => user !== 'eve', editor)).toBe(false);
  });
});

describe('a denial', () => {
  it('of an API server that is starting is no answer', async () => {
    grant(() => false);
    cluster.isReady = false;
    const request = planOf('starting');
    const answer = await guarded.call(worker, 'POST', `/v1/migrations/${request.plan.uid}/evaluations`, request);
    cluster.isReady = true;
    expect([answer.status, answer.detail]).toEqual([503, expect.stringContaining('is starting')]);
  });

  it('that was one of the moment before is asked about again', async () => {
    let asks = 0;
    grant(({ resourceAttributes: { verb } }) => verb === 'use' || ++asks > 2);
    expect(await evaluate(planOf('just-read'))).toMatchObject({ verdict: 'allow', violations: [] });
  });
});

describe('a step', () => {
  const stepSchema = z.looseObject({ allowed: z.boolean(), reason: z.string(), waitsFor: z.string().optional() });

  it.each([
    ['Prepare', 'Rights'],
    ['Migrate', 'Rights'],
    ['Mirror', undefined],
    ['Undo', undefined],
  ])('%s waits for %s when a right was lost', async (step, waitsFor) => {
    const request = planOf(`lost-${step.toLowerCase()}`);
    const { contentHash } = await evaluate(request);
    const ask = async () => {
      const path = `/v1/migrations/${request.plan.uid}/steps`;
      const { body } = await guarded.call(worker, 'POST', path, { step, contentHash, detail: '' });
      return stepSchema.parse(body);
    };
    grant(({ user, resourceAttributes }) => user === 'alice' && resourceAttributes.resource !== 'deployments');
    const lost = await ask();
    expect([lost.allowed, lost.waitsFor]).toEqual([waitsFor === undefined, waitsFor]);
    if (waitsFor) expect(lost.reason).toContain(`alice may not update deployments.apps/${request.plan.name} in shop`);
    grant(() => true);
    expect(await ask()).toMatchObject({ allowed: true });
  });

  const missing = [{ right: 'r', lentBy: [], violations: [recordIsOld('alice')] }];
  const lost = () => Promise.resolve({ rights: [], violations: [], missing });
  /** A plan that was judged at noon, and the answers at these times of whether it may do a step. */
  async function asked(
    name: string,
    step: 'Prepare' | 'Migrate',
    times: readonly (readonly [string, 'lost' | 'held'])[],
  ) {
    const request = aRequest(ownWorkload(name));
    const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const answers: string[] = [];
    for (const [time, right] of times) {
      const context = { ...at(`2026-03-10T${time}:00.000Z`), holds: holdsAnyRole };
      const { allowed, retryAt } = await inTx(database.app, (tx) =>
        authorizeStep(
          tx,
          request.plan.uid,
          { step, contentHash, detail: '' },
          right === 'lost' ? { ...context, reviewRights: lost } : context,
        ),
      );
      answers.push(allowed ? 'allowed' : retryAt === null ? 'refused' : 'waits');
    }
    return answers;
  }

  it('of a migration that has begun waits an hour for a lost right, and is refused then', async () => {
    const times = [
      ['12:01', 'lost'],
      ['12:31', 'lost'],
      ['13:00', 'lost'],
      ['13:02', 'lost'],
    ] as const;
    expect(await asked('impatient', 'Migrate', times)).toEqual(['waits', 'waits', 'waits', 'refused']);
  });

  it('waits from the beginning once the right was there in between', async () => {
    const times = [
      ['12:01', 'lost'],
      ['12:31', 'held'],
      ['12:32', 'lost'],
      ['13:30', 'lost'],
      ['13:33', 'lost'],
    ] as const;
    expect(await asked('given-back', 'Migrate', times)).toEqual(['waits', 'allowed', 'waits', 'waits', 'refused']);
  });

  it('of a migration that touched nothing waits on', async () => {
    const times = [
      ['12:01', 'lost'],
      ['18:00', 'lost'],
    ] as const;
    expect(await asked('untouched', 'Prepare', times)).toEqual(['waits', 'waits']);
  });
});

describe('an approver', () => {
  it('sees the rights that the plan uses and who lacks them', async () => {
    grant(verbIs('use'));
    const request = planOf('viewed');
    await evaluate(request);
    const { body } = await guarded.call(root, 'GET', `/v1/migrations/${request.plan.uid}/approval`);
    expect(body).toMatchObject({
      rights: {
        uses: [
          { right: 'update deployments.apps/viewed in shop', heldBy: [], missingFor: ['alice'] },
          { right: 'use the SCC restricted-v2 in shop', heldBy: ['alice'], missingFor: [] },
        ],
      },
    });
  });
});
