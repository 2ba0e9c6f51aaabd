import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { evaluationSchema } from '@scc/governance-api';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import type { AccessReview } from '../access/kubernetes.js';
import { aRequest, ownWorkload } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';

const cluster = new TestCluster();
const worker = cluster.issue('system:serviceaccount:scc-system:worker');
const database = governanceSuite();
let guarded: GuardedApi;

beforeAll(async () => {
  guarded = await startGuarded(database.app, { cluster });
}, 60_000);
afterAll(() => guarded.close(), 60_000);

const from = { kind: 'CronJob' as const, name: 'smoke' };
const jobs = [{ name: 'smoke', from, at: 'BeforeShift' as const, timeout: '1m' }];

describe('a plan that runs Jobs', () => {
  it.each<[string, boolean, string[]]>([
    ['may make Jobs', true, []],
    ['may not', false, ['AuthorLacksRight spec.volumes.census']],
  ])('looks at data for an author who %s', async (_held, mayMake, codes) => {
    cluster.mayDo = ({ resourceAttributes: { resource } }) => resource !== 'jobs' || mayMake;
    const request = aRequest(ownWorkload('with-data'));
    const spec = { ...request.spec, volumes: { census: true } };
    const path = `/v1/migrations/${request.plan.uid}/evaluations`;
    const { body } = await guarded.call(worker, 'POST', path, { ...request, spec });
    expect(evaluationSchema.parse(body).violations.map(({ code, field }) => `${code} ${field}`)).toEqual(codes);
  });

  it.each<[string, boolean, string[]]>([
    ['may make Jobs', true, []],
    ['may not', false, ['AuthorLacksRight spec.volumes.ownerChange']],
  ])('is stopped for a change of owners by an author who %s', async (_held, mayMake, codes) => {
    cluster.mayDo = ({ resourceAttributes: { resource } }) => resource !== 'jobs' || mayMake;
    const request = aRequest(ownWorkload('with-owners'));
    const spec = { ...request.spec, volumes: { census: false, ownerChange: 'WhileStopped' } };
    const path = `/v1/migrations/${request.plan.uid}/evaluations`;
    const { body } = await guarded.call(worker, 'POST', path, { ...request, spec });
    const { violations } = evaluationSchema.parse(body);
    expect(violations.map(({ code, field }) => `${code} ${field}`)).toEqual(codes);
  });

  it.each<[string, string[], string[]]>([
    ['both', ['jobs', 'cronjobs'], []],
    ['the making of Jobs alone', ['jobs'], ['AuthorLacksRight spec.gates.jobs[0]']],
    ['the template alone', ['cronjobs'], ['AuthorLacksRight spec.gates.jobs[0]']],
  ])('has a gate in the name of an author who holds %s', async (_held, resources, codes) => {
    const asked: AccessReview[] = [];
    cluster.mayDo = (review) => {
      asked.push(review);
      const { group, resource } = review.resourceAttributes;
      return group === 'batch' ? review.user === 'ana' && resources.includes(resource) : true;
    };
    const request = aRequest(ownWorkload('with-job'));
    const spec = { ...request.spec, gates: { ...request.spec.gates, jobs } };
    const path = `/v1/migrations/${request.plan.uid}/evaluations`;
    const { body } = await guarded.call(worker, 'POST', path, { ...request, spec });
    expect(evaluationSchema.parse(body).violations.map(({ code, field }) => `${code} ${field}`)).toEqual(codes);
    const create = { group: 'batch', resource: 'jobs', verb: 'create', namespace: 'shop' };
    expect(asked.map(({ resourceAttributes }) => resourceAttributes)).toContainEqual(create);
  });
});
