import { ownership } from './ownership.js';

describe('ownership', () => {
  const owner = { apiVersion: 'scc.poc/v1', kind: 'SCCMigrationPlan', name: 'p', uid: 'u' };
  it.each([
    ['owns what is made in its namespace', 'shop', 1],
    ['owns nothing elsewhere, which the API does not allow', 'edge', 0],
  ])('the plan %s', (_case, at, expected) => {
    expect(ownership({ namespace: 'shop', owner }, at).ownerReferences ?? []).toHaveLength(expected);
  });
});
