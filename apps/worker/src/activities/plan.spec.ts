import { describe, expect, it } from '@jest/globals';
import { evaluationRequestSchema } from '@scc/governance-api';
import type { KubeObject } from '@scc/kube';
import { AUTHOR_ANNOTATION, EDITORS_ANNOTATION, PLAN_TYPE } from '@scc/plan';
import { aSpec } from '@scc/migration/testing';
import { planOf, identityOf } from './plan.js';

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
