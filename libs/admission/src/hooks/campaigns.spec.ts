import { describe, expect, it } from '@jest/globals';
import { editsAnnotation } from '@scc/plan';
import { objectReview } from '../testing/admission.fixture.js';
import { testHooks } from './hook.fixture.js';

const CAMPAIGN = ['scc.poc', 'v1', 'SCCMigrationCampaign', 'sccmigrationcampaigns'] as const;
const PLAN = ['scc.poc', 'v1', 'SCCMigrationPlan', 'sccmigrationplans'] as const;
const ENGINE = { username: 'system:serviceaccount:scc-system:worker' };
const ana = { username: 'ana', uid: 'a1', groups: ['devs'], extra: {} };
const BY_ANA = {
  'scc.poc/author': 'ana',
  'scc.poc/author-uid': 'a1',
  'scc.poc/author-groups': 'devs',
  'scc.poc/author-extra': '',
};
const aCampaign = (annotations: object = BY_ANA, spec: object = {}) => ({
  apiVersion: 'scc.poc/v1',
  kind: 'SCCMigrationCampaign',
  metadata: { name: 'fleet', annotations },
  spec: { selector: { namespaces: ['shop'] }, ...spec },
});
const MARKS = { 'scc.poc/campaign-name': 'fleet', 'scc.poc/campaign-uid': 'f1', 'scc.poc/campaign-author': 'ana' };
const aPlan = (annotations: object) => ({
  apiVersion: 'scc.poc/v1',
  kind: 'SCCMigrationPlan',
  metadata: { name: 'ledger', namespace: 'shop', annotations },
  spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' },
});

async function answerTo(review: object): Promise<string> {
  const { ask } = await testHooks();
  const { allowed, message = '' } = await ask(
    '/validate/campaigns',
    objectReview(CAMPAIGN, { namespace: null, ...review }),
  );
  return allowed ? 'allowed' : message;
}

/** A campaign after an edit, with the record of it that admission makes. */
const edited = (by: string, spec: object, before: { spec: object } = aCampaign()) => {
  const after = aCampaign(BY_ANA, spec);
  const edits = editsAnnotation({}, { before: before.spec, after: after.spec, by });
  return aCampaign({ ...BY_ANA, ...edits }, spec);
};

describe('a campaign', () => {
  it('gets the record of who creates it, whatever it says itself', async () => {
    const { ask } = await testHooks();
    const object = aCampaign({ 'scc.poc/author': 'admin' });
    const { patch } = await ask(
      '/mutate/campaigns',
      objectReview(CAMPAIGN, { object, userInfo: ana, namespace: null }),
    );
    expect(patch).toContainEqual(
      expect.objectContaining({ path: '/metadata/annotations/scc.poc~1author', value: 'ana' }),
    );
    expect(await answerTo({ object, userInfo: ana })).toContain('metadata.annotations[scc.poc/author]');
    expect(await answerTo({ object: aCampaign(), userInfo: ana })).toBe('allowed');
  });

  it.each<[string, object, string]>([
    ['its author', { object: aCampaign({ ...BY_ANA, 'scc.poc/author': 'eve' }) }, 'scc.poc/author'],
    ['its selector', { object: aCampaign(BY_ANA, { selector: { namespaces: ['bank'] } }) }, 'spec.selector'],
    ['its target', { object: aCampaign(BY_ANA, { targetSCC: 'anyuid' }) }, 'spec.targetSCC'],
    ['its template', { object: aCampaign(BY_ANA, { template: { grants: { source: 'Keep' } } }) }, 'spec.template'],
    ['its need of approvals', { object: aCampaign(BY_ANA, { approval: { required: true } }) }, 'spec.approval:'],
  ])('does not take an edit of %s', async (_case, review, field) => {
    const edit = { operation: 'UPDATE', oldObject: aCampaign(), userInfo: { username: 'eve' } };
    expect(await answerTo({ ...edit, ...review })).toContain(field);
  });

  it.each<[string, object, string]>([
    ['a fixed field', { selector: { namespaces: ['bank'] } }, 'spec.selector'],
    ['what could not be parsed', {}, 'spec.fromLater'],
  ])('of a version that took other specs does not take an edit of %s', async (_case, spec, field) => {
    const oldObject = aCampaign(BY_ANA, { fromLater: true });
    const edit = { operation: 'UPDATE', oldObject, object: aCampaign(BY_ANA, spec), userInfo: { username: 'eve' } };
    expect(await answerTo(edit)).toContain(`${field}: it cannot be changed`);
  });

  it('keeps the approvals of one whose spec cannot be parsed', async () => {
    const approvals = [{ wave: 1, hash: 'a'.repeat(64), by: 'bob' }];
    const oldObject = aCampaign(BY_ANA, { approvals, maxConcurrent: 'many' });
    const object = edited('eve', { approvals, maxConcurrent: 2 }, oldObject);
    expect(await answerTo({ operation: 'UPDATE', oldObject, object, userInfo: { username: 'eve' } })).toBe('allowed');
  });

  it('takes edits of its course from others without making them its authors', async () => {
    const { ask } = await testHooks();
    const spec = { suspend: true, attempt: 2, failureBudget: 3, maxConcurrent: 1 };
    const edit = { operation: 'UPDATE', oldObject: aCampaign(), userInfo: { username: 'eve' } };
    expect(await answerTo({ ...edit, object: edited('eve', spec) })).toBe('allowed');
    const marked = await ask(
      '/mutate/campaigns',
      objectReview(CAMPAIGN, { ...edit, object: aCampaign(BY_ANA, spec), namespace: null }),
    );
    expect(marked.patch).toEqual([
      {
        ...{ op: 'add', path: '/metadata/annotations/scc.poc~1campaign-edits' },
        value: `1\teve\t${JSON.stringify({ maxConcurrent: 1, failureBudget: 3, attempt: 2, suspend: true })}`,
      },
    ]);
  });

  it.each<[string, object]>([
    ['left out', aCampaign(BY_ANA, { suspend: true })],
    ['in the name of another', edited('bob', { suspend: true })],
    ['of another edit', { ...edited('eve', { abort: true }), spec: aCampaign(BY_ANA, { suspend: true }).spec }],
    ['without an edit', { ...edited('eve', { suspend: true }), spec: aCampaign().spec }],
  ])('takes no record of an edit that is %s', async (_case, object) => {
    const edit = { operation: 'UPDATE', oldObject: aCampaign(), object, userInfo: { username: 'eve' } };
    expect(await answerTo(edit)).toContain('metadata.annotations[scc.poc/campaign-edits]');
  });

  it.each<[string, string, string, string]>([
    ['by who gives it', 'eve', 'eve', 'allowed'],
    ['in the name of another', 'eve', 'bob', 'spec.approvals[0].by'],
    ['by its author', 'ana', 'ana', 'the author of a campaign does not approve its waves'],
  ])('has a wave approved %s', async (_case, username, by, expected) => {
    const approvals = [{ wave: 1, hash: 'a'.repeat(64), by }];
    const object = edited(username, { approvals });
    const edit = { operation: 'UPDATE', oldObject: aCampaign(), object, userInfo: { username } };
    expect(await answerTo(edit)).toContain(expected);
  });

  it('does not bring its own approvals', async () => {
    const approvals = [{ wave: 1, hash: 'a'.repeat(64), by: 'bob' }];
    expect(await answerTo({ object: aCampaign(BY_ANA, { approvals }), userInfo: ana })).toContain(
      'spec.approvals[0].by',
    );
  });
});

describe('a plan of a campaign', () => {
  const answerToPlan = async (review: object): Promise<string> => {
    const { ask } = await testHooks();
    const { allowed, message = '' } = await ask('/validate/plans', objectReview(PLAN, review));
    return allowed ? 'allowed' : message;
  };
  const recorded = (username: string) => ({
    'scc.poc/author': username,
    'scc.poc/author-uid': '',
    'scc.poc/author-groups': '',
    'scc.poc/author-extra': '',
  });

  it.each<[string, object, object, string]>([
    ['is made by the engine', ENGINE, MARKS, 'allowed'],
    ['is not made by a user', { username: 'eve' }, MARKS, 'scc.poc/campaign-uid'],
    ['is not half of one', ENGINE, { 'scc.poc/campaign-uid': 'f1' }, 'scc.poc/campaign-name'],
    ['is the only plan that the engine makes', ENGINE, {}, 'creates plans for campaigns alone'],
  ])('%s', async (_case, userInfo, marks, expected) => {
    const object = aPlan({ ...recorded((userInfo as { username: string }).username), ...marks });
    expect(await answerToPlan({ object, userInfo })).toContain(expected);
  });

  it('keeps its fixed fields also where what was there cannot be parsed', async () => {
    const made = { ...aPlan(recorded('eve')), status: { phase: 'Migrating' } };
    const old = { ...made, spec: { ...made.spec, fromLater: true } };
    const edit = { operation: 'UPDATE', oldObject: old, userInfo: { username: 'eve' } };
    const other = { ...made, spec: { ...made.spec, targetSCC: 'anyuid' } };
    expect(await answerToPlan({ ...edit, object: other })).toContain('spec.targetSCC: the plan is in phase Migrating');
    expect(await answerToPlan({ ...edit, object: old })).toBe('allowed');
  });

  it.each<[string, object, object]>([
    ['added', {}, MARKS],
    ['taken away', MARKS, {}],
    ['exchanged', MARKS, { ...MARKS, 'scc.poc/campaign-uid': 'f2' }],
  ])('keeps its marks: they are not %s later', async (_case, before, after) => {
    const made = recorded('eve');
    const edit = {
      operation: 'UPDATE',
      oldObject: aPlan({ ...made, ...before }),
      object: aPlan({ ...made, ...after }),
      userInfo: { username: 'eve' },
    };
    expect(await answerToPlan(edit)).toContain('scc.poc/campaign-uid');
  });
});
