import { describe, expect, it } from '@jest/globals';
import type { EvaluationRequest } from '@scc/governance-api';
import type { KubeObject } from '@scc/kube';
import { AUTHOR_ANNOTATION, CAMPAIGN_TYPE, identityAnnotations } from '@scc/plan';
import { CampaignAuthors } from './campaign-authors.js';

const ENGINE = 'system:serviceaccount:scc-system:worker';
const identity = (username: string) => ({ username, uid: `${username}-1`, groups: ['devs'], extra: { scopes: ['a'] } });

const aCampaign = (author: string, over: object = {}): KubeObject => ({
  ...CAMPAIGN_TYPE,
  metadata: {
    name: 'fleet',
    uid: 'f1',
    creationTimestamp: '2026-11-29T10:00:00Z',
    annotations: { ...identityAnnotations(AUTHOR_ANNOTATION, identity(author)) },
    ...over,
  },
});
const aRequest = (plan: Partial<EvaluationRequest['plan']>): EvaluationRequest =>
  ({
    plan: {
      author: ENGINE,
      authorIdentity: identity(ENGINE),
      createdAt: '2026-11-29T12:00:00Z',
      campaign: null,
      ...plan,
    },
  }) as EvaluationRequest;

const attributed = async (plan: Partial<EvaluationRequest['plan']>, campaign?: KubeObject) => {
  const authors = new CampaignAuthors({ read: () => Promise.resolve(campaign), engine: ENGINE });
  const { author, authorIdentity, createdAt } = (await authors.attributed(aRequest(plan))).plan;
  return { author, identity: authorIdentity, createdAt };
};
const NOBODY = { author: null, identity: null, createdAt: null };

describe('the author of a plan of a campaign', () => {
  const campaign = { name: 'fleet', uid: 'f1' };

  it('is the recorded author of the campaign, since when it was created', async () => {
    expect(await attributed({ campaign }, aCampaign('ana'))).toEqual({
      author: 'ana',
      identity: identity('ana'),
      createdAt: '2026-11-29T10:00:00Z',
    });
  });

  it('is not the one that the plan itself names', async () => {
    const claimed = { campaign, author: 'admin', authorIdentity: identity('admin') };
    expect(await attributed(claimed, aCampaign('ana'))).toMatchObject({ author: 'ana' });
  });

  it.each<[string, KubeObject | undefined]>([
    ['is gone', undefined],
    ['was created again', aCampaign('ana', { uid: 'f2' })],
    ['has no record of its author', aCampaign('ana', { annotations: {} })],
    ['has the engine as its author', aCampaign(ENGINE)],
  ])('is nobody when the campaign %s', async (_case, found) => {
    expect(await attributed({ campaign }, found)).toEqual(NOBODY);
  });
});

describe('the author of another plan', () => {
  it('stays who created it', async () => {
    const ana = { author: 'ana', authorIdentity: identity('ana') };
    expect(await attributed(ana, aCampaign('eve'))).toMatchObject({ author: 'ana', identity: identity('ana') });
  });

  it('is never the engine, whose rights are not those of a user', async () => {
    expect(await attributed({})).toEqual(NOBODY);
  });
});
