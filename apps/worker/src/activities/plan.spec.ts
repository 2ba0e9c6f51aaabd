import { describe, expect, it } from '@jest/globals';
import { evaluationRequestSchema } from '@scc/governance-api';
import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { AUTHOR_ANNOTATION, EDITORS_ANNOTATION, FINALIZER, PLAN_TYPE, type PlanStatus } from '@scc/plan';
import { aSpec } from '@scc/migration/testing';
import { planActivities, planOf, identityOf } from './plan.js';

const REF = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const aPlan = (annotations: Record<string, string>): KubeObject => ({
  ...PLAN_TYPE,
  metadata: { ...REF, generation: 2, annotations },
});

describe('what governance is told of a plan', () => {
  it.each<[string, Record<string, string>, { author: string | null; editors: string[] }]>([
    ['nothing that was not recorded', {}, { author: null, editors: [] }],
    ['its author', { [AUTHOR_ANNOTATION]: 'ana' }, { author: 'ana', editors: [] }],
    [
      'its author and everybody who edited it',
      { [AUTHOR_ANNOTATION]: 'ana', [EDITORS_ANNOTATION]: 'bob\neve' },
      { author: 'ana', editors: ['bob', 'eve'] },
    ],
  ])('is %s', (_what, annotations, expected) => {
    const told = identityOf(REF, planOf(aPlan(annotations), aSpec()));
    expect(evaluationRequestSchema.shape.plan.parse(told)).toMatchObject({ ...REF, generation: 2, ...expected });
  });
});

describe('a plan that is taken up', () => {
  const first: PlanStatus = { phase: 'Validating', message: 'gathering facts', weight: 0, sequence: 7 };

  /** Takes up a plan in a cluster that counts each write; `meanwhile` is what another client does after it was read. */
  async function takenUp(status: PlanStatus | undefined, meanwhile = false) {
    const spec = aSpec();
    let version = 3;
    let stored: KubeObject = {
      ...PLAN_TYPE,
      ...{ metadata: { ...REF, generation: 2, resourceVersion: '3' }, spec, ...(status ? { status } : {}) },
    };
    const write = (change: Partial<KubeObject>, metadata: object = {}): KubeObject => {
      version++;
      stored = { ...stored, ...change, metadata: { ...stored.metadata, ...metadata, resourceVersion: `${version}` } };
      return stored;
    };
    const conflict = () => Promise.reject(new KubeError(409, { reason: 'Conflict', message: 'it was changed' }));
    const kube: Partial<KubeClient> = {
      get: () => {
        const read = stored;
        if (meanwhile) write({}, { labels: { edited: 'true' } });
        return Promise.resolve(read);
      },
      patch: (_id, { body }) => {
        const tests = body as { op: string; path: string; value: unknown }[];
        const wanted = tests.find(({ path }) => path === '/metadata/resourceVersion')?.value;
        if (wanted !== stored.metadata.resourceVersion)
          return Promise.reject(new KubeError(422, { reason: 'Invalid', message: 'a test failed' }));
        return Promise.resolve(write({ status: tests.find(({ path }) => path === '/status')?.value }));
      },
      apply: ({ metadata }) =>
        metadata.resourceVersion === stored.metadata.resourceVersion
          ? Promise.resolve(write({}, { finalizers: metadata.finalizers }))
          : conflict(),
    };
    const earlier = { read: () => Promise.resolve(null), judge: () => Promise.resolve(null) };
    const review = () => Promise.reject(new Error('it is not asked for'));
    const { acceptPlan } = planActivities(kube as KubeClient, earlier, review);
    const accepted = await acceptPlan(REF, first).catch((error: unknown) => error);
    return { accepted, status: stored['status'], finalizers: stored.metadata.finalizers };
  }

  it('shows its first phase and is held, as it was read', async () => {
    const { accepted, status, finalizers } = await takenUp(undefined);
    expect(accepted).toMatchObject({ accepted: true });
    expect(status).toEqual({ ...first, observedGeneration: 2 });
    expect(finalizers).toEqual([FINALIZER]);
  });

  it('goes on showing what it shows already', async () => {
    const { accepted, status } = await takenUp({ phase: 'Mirroring' });
    expect(accepted).toMatchObject({ accepted: true });
    expect(status).toEqual({ phase: 'Mirroring' });
  });

  it('is read again where another client has written it meanwhile', async () => {
    const { accepted, status, finalizers } = await takenUp(undefined, true);
    expect(accepted).toMatchObject({ status: 409 });
    expect([status, finalizers]).toEqual([undefined, undefined]);
  });
});
