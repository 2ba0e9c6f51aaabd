import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { evaluationSchema, stepVerdictSchema } from '@scc/governance-api';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import { aRequest, ownWorkload } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';

/** Plans of every shape, by somebody who holds none of the rights that they use. */

const cluster = new TestCluster();
cluster.mayDo = () => false;
const worker = cluster.issue('system:serviceaccount:scc-system:worker');
const database = governanceSuite();
let guarded: GuardedApi;

beforeAll(async () => {
  guarded = await startGuarded(database.app, { cluster });
}, 60_000);
afterAll(() => guarded.close(), 60_000);

const mallory = { username: 'mallory', uid: 'uid-of-mallory', groups: ['system:authenticated'], extra: {} };
const plans = fc.record({
  targetSCC: fc.constantFrom('restricted-v2', 'anyuid', 'privileged', 'hostaccess', 'nobodys'),
  sourceSCC: fc.constantFrom('restricted-v2', 'anyuid', null),
  image: fc.constantFrom('ledger', 'evil'),
  account: fc.constantFrom('sa', 'deployer'),
  required: fc.boolean(),
  suspend: fc.boolean(),
  identity: fc.constantFrom(mallory, null),
  editor: fc.constantFrom(mallory, null),
});
const template = (image: string, serviceAccountName: string) => ({
  spec: { serviceAccountName, containers: [{ name: 'app', image }] },
});

it('no plan of somebody without rights is allowed, and none of its steps', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(plans, async ({ targetSCC, sourceSCC, image, account, required, suspend, identity, editor }) => {
      const own = ownWorkload(`mutant-${(count += 1)}`);
      const justification = 'a justification that is long enough';
      const spec = { ...own.spec, targetSCC, justification, suspend, approval: { required } };
      const templates = { podTemplate: template('ledger', 'sa'), patchedTemplate: template(image, account) };
      const request = aRequest({ ...own, spec, facts: { ...own.facts, ...templates, sourceSCC, targetSCC } });
      const author = { author: 'mallory', authorIdentity: identity, editorIdentity: editor };
      const plan = { ...request, plan: { ...request.plan, uid: `uid-${count}`, ...author } };
      const path = `/v1/migrations/${plan.plan.uid}`;
      const answer = evaluationSchema.parse((await guarded.call(worker, 'POST', `${path}/evaluations`, plan)).body);
      expect(answer.verdict).toBe('deny');
      const known = identity === null ? 'AuthorUnknown' : 'AuthorLacksRight';
      expect(answer.violations.map(({ code }) => code)).toContain(known);
      const question = { step: 'Prepare', contentHash: answer.contentHash, detail: 'begin' };
      const step = stepVerdictSchema.parse((await guarded.call(worker, 'POST', `${path}/steps`, question)).body);
      expect(step.allowed).toBe(false);
    }),
    cases(300),
  );
  expect(await database.app.query('select from approval_request')).toEqual([]);
  expect(await database.app.query('select from workload_claim')).toEqual([]);
}, 600_000);
