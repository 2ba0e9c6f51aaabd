import { reviewSource } from './source.js';

const named = (metadata: object = {}) => ({ kind: 'Deployment', metadata: { name: 'web', ...metadata } });
const argo = named({ annotations: { 'argocd.argoproj.io/tracking-id': 'shop-prod:apps/Deployment:shop/web' } });

describe('reviewSource', () => {
  it('refuses a delivered workload until the plan says how its source learns of the change, and shows the patch', () => {
    const { violations } = reviewSource(argo, {}, 'spec: {template: {}}');
    expect(violations).toEqual([
      {
        code: 'DeliveredFromSource',
        field: 'spec.gitops',
        message:
          'the workload is delivered by Argo CD (application shop-prod), which would take the change of its template back, and its pods would then be refused',
        remedy: expect.stringContaining('spec: {template: {}}') as unknown,
      },
    ]);
    expect(violations[0]?.remedy).toContain('target: {kind: Deployment, name: web}');
  });

  it.each<['PatchFirst' | 'IKnow', RegExp]>([
    ['PatchFirst', /before the next delivery/],
    ['IKnow', /may take the change .* back/],
  ])('goes on with %s, and says what that means', (gitops, expected) => {
    const { violations, warnings, shown } = reviewSource(argo, { gitops }, 'patch');
    expect(violations).toEqual([]);
    expect(warnings.join()).toMatch(expected);
    expect(shown).toEqual({ kustomizePatch: 'patch' });
  });

  it('asks nothing of a workload that no tool delivers', () => {
    expect(reviewSource(named(), {}, 'patch')).toEqual({ violations: [], warnings: [], shown: {} });
  });
});
