import type { PlanSpecInput } from '@scc/plan';
import { parse } from 'yaml';
import { someFacts } from './facts.fixture.js';
import { changeTemplate } from './template.js';

function change(podSpec: Record<string, unknown>, spec: Partial<PlanSpecInput> = {}) {
  const facts = someFacts({ podSpec, spec });
  const target = facts.sccs.byName.get(facts.spec.targetSCC);
  const written = (facts.workload?.object['spec'] as { template: unknown }).template;
  if (!target) throw new Error('no such SCC');
  return changeTemplate(facts, written, target);
}
const container = (securityContext: Record<string, unknown>) => ({
  containers: [{ name: 'app', image: 'x', securityContext }],
});

describe('changeTemplate', () => {
  it('pins a template that the target admits as it is, and changes nothing else', () => {
    const changed = change({});
    expect(changed).toMatchObject({
      ok: true,
      template: { metadata: { annotations: { 'openshift.io/required-scc': 'restricted-v2' } } },
    });
    expect(changed.ok && parse(changed.patch)).toEqual({
      metadata: { annotations: { 'openshift.io/required-scc': 'restricted-v2' } },
    });
  });

  it("makes the evaluator's smallest patch", () => {
    const changed = change(container({ runAsUser: 0 }));
    expect(changed).toMatchObject({ ok: true });
    expect(changed.ok && changed.template.spec.containers[0]?.securityContext?.runAsUser).toBeUndefined();
  });

  it("applies the user's patch first", () => {
    const patch = { spec: { securityContext: { runAsUser: 1000650001 } } };
    const changed = change({}, { podSecurity: { patch } });
    expect(changed).toMatchObject({ ok: true, template: { spec: { securityContext: { runAsUser: 1000650001 } } } });
  });

  it('runs under another ServiceAccount when asked', () => {
    expect(change({}, { serviceAccountName: 'other' })).toMatchObject({
      ok: true,
      template: { spec: { serviceAccountName: 'other', serviceAccount: 'other' } },
    });
  });

  it('rejects instead of patching when the plan wants that, and shows the patch', () => {
    expect(change(container({ runAsUser: 0 }), { podSecurity: { mode: 'Require' } })).toMatchObject({
      ok: false,
      violations: [{ code: 'PatchRequired', remedy: expect.stringContaining('runAsUser') as string }],
    });
    expect(change({}, { podSecurity: { mode: 'Require' } })).toMatchObject({ ok: true });
  });

  it('names everything that no patch can lift', () => {
    const changed = change({
      volumes: [
        { name: 'a', hostPath: { path: '/' } },
        { name: 'b', hostPath: { path: '/b' } },
      ],
    });
    expect(changed.ok ? [] : changed.violations.map(({ field }) => field)).toEqual([
      'template.spec.volumes[0]',
      'template.spec.volumes[1]',
    ]);
  });

  it('says what is wrong with a patch that is none', () => {
    expect(change({}, { podSecurity: { patch: { spec: { containers: ['x'] } } } })).toMatchObject({
      ok: false,
      violations: [{ code: 'PatchInvalid', field: 'spec.podSecurity.patch' }],
    });
  });
});
