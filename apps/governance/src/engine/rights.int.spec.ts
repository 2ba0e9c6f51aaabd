import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EvaluationRequest, evaluationSchema } from '@scc/governance-api';
import { z } from 'zod';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import type { AccessReview } from '../access/kubernetes.js';
import { aRequest, ownWorkload } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';

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

  it.each<[string, Plan, string[]]>([
    ['an unknown author', { author: null, authorIdentity: null }, ['AuthorUnknown metadata.annotations']],
    ['a record of another person', { authorIdentity: person('bob') }, ['AuthorUnknown metadata.annotations']],
    ['an editor who was not recorded', { editors: ['eve'] }, ['AuthorUnknown metadata.annotations']],
    [
      'an editor who may not do it',
      { editors: ['eve'], editorIdentity: person('eve') },
      ['AuthorLacksRight spec.workloadRef', 'AuthorLacksRight spec.targetSCC'],
    ],
    ['a plan in kube-system', { namespace: 'kube-system' }, ['SystemNamespace metadata.namespace']],
    ['a plan beside the product', { namespace: 'scc-system' }, ['SystemNamespace metadata.namespace']],
  ])('refuses %s', async (name, over, codes) => {
    grant(({ user }) => user === 'alice');
    const answer = await evaluate(planOf(name.replaceAll(' ', '-'), over));
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
