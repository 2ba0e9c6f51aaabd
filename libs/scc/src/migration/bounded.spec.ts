import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { DEFAULTS } from '../admission/request.fixture.js';
import { ownSCCs, pods } from '../model/arbitraries.fixture.js';
import { type CompiledSCC, compileSCC } from '../model/compile.js';
import { type PodTemplate, podSchema, podTemplateSchema } from '../model/pod.js';
import { SHOP } from '../model/scc.fixture.js';
import { type Edit, editsFor } from './edits.js';
import { judgeTemplate, type WorkloadContext } from './facts.js';
import { applyTemplatePatch, joinPatches, mergePatches, type TemplatePatch } from './patch.js';
import { remediate } from './remediate.js';

const FACTS: WorkloadContext = { kind: 'Deployment', name: 'web', namespace: SHOP, sccs: DEFAULTS };
const patchOf = (edits: readonly Edit[]): TemplatePatch =>
  edits.reduce<TemplatePatch>((patch, { patch: next }) => mergePatches(patch, next), {});

/** The same by the plainest means: one violation at a time, and the whole template judged for each edit. */
function plainly(template: PodTemplate, target: CompiledSCC): readonly Edit[] | 'blocked' {
  const edits = new Map<string, Edit>();
  let current = template;
  for (;;) {
    const fit = judgeTemplate(target, current, FACTS);
    if (fit.fits) break;
    const found = fit.violations.flatMap((violation) => editsFor(current, [violation]));
    const [next] = found.filter(
      ({ patch }) => JSON.stringify(applyTemplatePatch(current, patch)) !== JSON.stringify(current),
    );
    if (!next) return 'blocked';
    edits.set(next.field, next);
    current = applyTemplatePatch(current, next.patch);
  }
  let kept = [...edits.values()];
  for (const edit of edits.values()) {
    const without = kept.filter((other) => other !== edit);
    if (judgeTemplate(target, applyTemplatePatch(template, patchOf(without)), FACTS).fits) kept = without;
  }
  return kept;
}

const summary = (edits: readonly Edit[]) => edits.map(({ field, to }) => ({ field, to })).sort(byField);
const byField = (a: { field: string }, b: { field: string }): number => (a.field < b.field ? -1 : 1);

/** An SCC that counts how often a container is judged by it. */
function counted(scc: CompiledSCC): { scc: CompiledSCC; judged: () => number } {
  let judged = 0;
  const watched = new Proxy(scc, {
    get: (target, key) => {
      if (key === 'anyCapability') judged += 1;
      return Reflect.get(target, key) as unknown;
    },
  });
  return { scc: watched, judged: () => judged };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_none, index) => index);

/** Each container needs several edits, and so does the pod. */
const template = (count: number): PodTemplate =>
  podTemplateSchema.parse({
    metadata: {
      annotations: Object.fromEntries(
        numbers(count).map((n) => [`container.seccomp.security.alpha.kubernetes.io/c${n}`, 'unconfined']),
      ),
    },
    spec: {
      hostPID: true,
      securityContext: {
        fsGroup: 1,
        sysctls: numbers(count).map((n) => ({ name: `kernel.${n}`, value: '1' })),
      },
      volumes: numbers(count).map((n) => ({ name: `v${n}`, emptyDir: {} })),
      containers: numbers(count).map((n) => ({
        name: `c${n}`,
        ports: [{ containerPort: 80, hostPort: 8000 + n }],
        securityContext: {
          privileged: true,
          runAsUser: 0,
          capabilities: { add: numbers(20).map((cap) => `CAP_${cap}`) },
        },
      })),
    },
  });

describe('the smallest patch of many containers', () => {
  it('is the one that is found by judging the whole template for each edit', () => {
    fc.assert(
      fc.property(pods, ownSCCs, fc.nat(), (pod, own, index) => {
        const targets = [...DEFAULTS.ordered, ...own.map(compileSCC)];
        const target = targets[index % targets.length];
        if (!target) return;
        const asked = podTemplateSchema.parse(podSchema.parse(pod));
        const { admitted, edits } = remediate(asked, target, FACTS);
        const expected = plainly(asked, target);
        expect(admitted).toBe(expected !== 'blocked');
        if (expected !== 'blocked') expect(summary(edits)).toEqual(summary(expected));
      }),
      cases(60),
    );
  });

  it.each([1, 2, 3])('is the same one when each of %i containers needs several edits', (count) => {
    const target = compileSCC(DEFAULTS.byName.get('restricted-v2')!.source);
    const expected = plainly(template(count), target);
    const { admitted, edits } = remediate(template(count), target, FACTS);
    expect(admitted).toBe(true);
    expect(edits.length).toBeGreaterThan(5 * count);
    expect(summary(edits)).toEqual(expected === 'blocked' ? expected : summary(expected));
  });

  it('judges each container as often, however many there are', () => {
    const perContainer = [10, 100, 250].map((count) => {
      const { scc, judged } = counted(compileSCC(DEFAULTS.byName.get('restricted-v2')!.source));
      const { admitted, edits } = remediate(template(count), scc, FACTS);
      expect(admitted).toBe(true);
      expect(edits.length).toBeGreaterThan(5 * count);
      return judged() / count;
    });
    expect(Math.max(...perContainer)).toBeLessThan(Math.min(...perContainer) * 1.05);
  });
});

describe('many patches as one', () => {
  it('make the same change as one after the other', () => {
    const value = fc.option(fc.oneof(fc.integer(), fc.string()), { nil: null });
    const container = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      securityContext: fc.dictionary(fc.constantFrom('x', 'y', 'z'), value),
    });
    const patch: fc.Arbitrary<TemplatePatch> = fc.record({
      spec: fc.record(
        {
          containers: fc.uniqueArray(container, { selector: ({ name }) => name }),
          securityContext: fc.dictionary(fc.constantFrom('x', 'y'), value),
        },
        { requiredKeys: [] },
      ),
    });
    fc.assert(
      fc.property(fc.array(patch, { maxLength: 6 }), (patches) => {
        expect(joinPatches(patches)).toEqual(patches.reduce<TemplatePatch>((a, b) => mergePatches(a, b), {}));
      }),
    );
  });
});
