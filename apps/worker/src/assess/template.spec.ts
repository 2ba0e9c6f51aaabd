import type { PlanSpecInput } from '@scc/plan';
import type { Pod } from '@scc/scc';
import { parse } from 'yaml';
import { someFacts } from './facts.fixture.js';
import { changeTemplate } from './template.js';

function change(podSpec: Record<string, unknown>, spec: Partial<PlanSpecInput> = {}, runningPod?: Pod) {
  const facts = someFacts({ podSpec, spec });
  const target = facts.sccs.byName.get(facts.spec.targetSCC);
  const written = (facts.workload?.object['spec'] as { template: unknown }).template;
  if (!target) throw new Error('no such SCC');
  return changeTemplate(facts, written, { target, runningPod });
}
const container = (securityContext: Record<string, unknown>) => ({
  containers: [{ name: 'app', image: 'x', securityContext }],
});

describe('changeTemplate', () => {
  it('pins a template that the target admits as it is, and changes nothing else', async () => {
    const changed = await change({});
    expect(changed).toMatchObject({
      ok: true,
      template: { metadata: { annotations: { 'openshift.io/required-scc': 'restricted-v2' } } },
    });
    expect(changed.ok && parse(changed.patch)).toEqual({
      metadata: { annotations: { 'openshift.io/required-scc': 'restricted-v2' } },
    });
  });

  it("makes the evaluator's smallest patch", async () => {
    const changed = await change(container({ runAsUser: 0 }));
    expect(changed).toMatchObject({ ok: true });
    expect(changed.ok && changed.template.spec.containers[0]?.securityContext?.runAsUser).toBeUndefined();
  });

  it("applies the user's patch first", async () => {
    const patch = { spec: { securityContext: { runAsUser: 1000650001 } } };
    const changed = await change({}, { podSecurity: { patch } });
    expect(changed).toMatchObject({ ok: true, template: { spec: { securityContext: { runAsUser: 1000650001 } } } });
  });

  it('runs under another ServiceAccount when asked', async () => {
    expect(await change({}, { serviceAccountName: 'other' })).toMatchObject({
      ok: true,
      template: { spec: { serviceAccountName: 'other', serviceAccount: 'other' } },
    });
  });

  it('rejects instead of patching when the plan wants that, and shows the patch', async () => {
    expect(await change(container({ runAsUser: 0 }), { podSecurity: { mode: 'Require' } })).toMatchObject({
      ok: false,
      violations: [{ code: 'PatchRequired', remedy: expect.stringContaining('runAsUser') as string }],
    });
    expect(await change({}, { podSecurity: { mode: 'Require' } })).toMatchObject({ ok: true });
  });

  it('names everything that no patch can lift', async () => {
    const changed = await change({
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

  it('says what is wrong with a patch that is none', async () => {
    expect(await change({}, { podSecurity: { patch: { spec: { containers: ['x'] } } } })).toMatchObject({
      ok: false,
      violations: [{ code: 'PatchInvalid', field: 'spec.podSecurity.patch' }],
    });
  });

  it('refuses a template of more containers than a migration judges', async () => {
    const containers = Array.from({ length: 251 }, (_none, at) => ({ name: `c${at}`, image: 'x' }));
    expect(await change({ containers })).toMatchObject({ ok: false, violations: [{ code: 'TemplateTooLarge' }] });
  });

  it('keeps the thread of other migrations free while it works', async () => {
    const securityContext = { runAsUser: 0, privileged: true, capabilities: { add: ['NET_ADMIN'] } };
    const containers = Array.from({ length: 250 }, (_none, at) => ({ name: `c${at}`, image: 'x', securityContext }));
    let turns = 0;
    const turn = setInterval(() => (turns += 1), 1);
    const changed = await change({ containers });
    clearInterval(turn);
    expect(changed).toMatchObject({ ok: true });
    expect(turns).toBeGreaterThan(10);
  });

  it('announces nothing that the running pod does not have', async () => {
    const first = await change({});
    const runningPod = first.ok ? first.pod : undefined;
    const again = await change({}, {}, runningPod);
    expect(again.ok ? again.warnings : ['not admitted']).toEqual([]);
  });
});
