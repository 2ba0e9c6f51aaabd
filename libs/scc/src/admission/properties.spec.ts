import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { ownSCCs, pods } from '../model/arbitraries.fixture.js';
import { compileSCCs } from '../model/compile.js';
import { type Admitted } from './request.js';
import { decide, validatePass } from './decide.js';
import { defaultSCCs } from '../cluster/default-sccs.js';
import type { SecurityContextConstraints } from '../model/scc.js';
import { REQUIRED_SCC_ANNOTATION } from '../model/names.js';
import type { Pod } from '../model/pod.js';
import { anSCC } from '../model/scc.fixture.js';
import { aRequest, DEFAULTS } from './request.fixture.js';

const cluster = (own: readonly SecurityContextConstraints[]) => compileSCCs([...defaultSCCs(), ...own]);
const names = cluster([]).ordered.map(({ name }) => name);
/** Which SCCs everybody may use: some of the default ones and all of the cluster's own. */
const usable = fc.subarray(names).map((chosen) => [...chosen, 'x0', 'x1', 'x2']);
const admissions = fc.record({ pod: pods, own: ownSCCs, usable });

const withAnnotation = (pod: Pod, annotations: Record<string, string>): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...annotations } },
});
const withLabel = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'b' } } });

/** Runs the check on every generated admission that is admitted, and counts them: none would prove nothing. */
function onAdmitted(
  check: (admitted: Admitted, given: { pod: Pod; own: SecurityContextConstraints[]; usable: string[] }) => void,
) {
  let seen = 0;
  fc.assert(
    fc.property(admissions, (given) => {
      const decision = decide(aRequest(given.pod, given.usable), cluster(given.own));
      if (decision.decision !== 'admitted') return;
      seen += 1;
      check(decision, given);
    }),
    cases(400),
  );
  expect(seen).toBeGreaterThan(20);
}

describe('any decision', () => {
  it('passes validation without another change', () =>
    onAdmitted(({ pod }, given) => {
      expect(validatePass(aRequest(pod, given.usable), cluster(given.own)).decision).toBe('accepted');
    }));

  it('is not changed by deciding again under the same SCC', () =>
    onAdmitted(({ pod, scc }, given) => {
      const again = decide(aRequest(pod, [scc], { operation: 'UPDATE', oldPod: withLabel(pod) }), cluster(given.own));
      expect(again).toMatchObject({ decision: 'admitted', scc, mutated: false });
    }));

  it('survives a changed label', () =>
    onAdmitted(({ pod }, given) => {
      const request = aRequest(withLabel(pod), given.usable, { operation: 'UPDATE', oldPod: pod });
      expect(decide(request, cluster(given.own))).toMatchObject({ decision: 'admitted', mutated: false });
    }));

  it('does not depend on the order in which SCCs are given', () =>
    fc.assert(
      fc.property(admissions, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (given, random) => {
        const sccs = [...defaultSCCs(), ...given.own];
        const shuffled = sccs
          .map((scc) => ({ scc, at: Number(random.next().value) }))
          .sort((a, b) => a.at - b.at)
          .map(({ scc }) => scc);
        const request = aRequest(given.pod, given.usable);
        expect(decide(request, compileSCCs(shuffled))).toEqual(decide(request, compileSCCs(sccs)));
      }),
    ));

  it('does not depend on an SCC without users', () =>
    fc.assert(
      fc.property(admissions, fc.constantFrom(0, 10, 99), (given, priority) => {
        const request = aRequest(given.pod, given.usable);
        const strip = ({ decision, ...rest }: ReturnType<typeof decide>) => ({
          decision,
          rest: 'pod' in rest ? { scc: rest.scc, pod: rest.pod } : undefined,
        });
        const more = cluster([...given.own, anSCC('locked', { priority })]);
        expect(strip(decide(request, more))).toEqual(strip(decide(request, cluster(given.own))));
      }),
    ));

  it('under a required SCC is that of this SCC alone', () =>
    fc.assert(
      fc.property(admissions, fc.constantFrom(...names), (given, name) => {
        const pinned = withAnnotation(given.pod, { [REQUIRED_SCC_ANNOTATION]: name });
        const alone = compileSCCs(defaultSCCs().filter((scc) => scc.metadata.name === name));
        const request = aRequest(pinned, given.usable);
        expect(decide(request, DEFAULTS)).toEqual(decide(request, alone));
      }),
    ));

  it('is the same for a container of any kind', () =>
    fc.assert(
      fc.property(admissions, ({ pod, usable: mayUse }) => {
        const [first] = pod.spec.containers;
        const judged = (['initContainers', 'containers', 'ephemeralContainers'] as const).map((list) => {
          const spec = { ...pod.spec, initContainers: [], containers: [], [list]: [first!] };
          const decision = decide(aRequest({ ...pod, spec }, mayUse), DEFAULTS);
          return decision.decision === 'admitted'
            ? {
                scc: decision.scc,
                context: decision.pod.spec[list]?.[0]?.securityContext,
                pod: decision.pod.spec.securityContext,
              }
            : decision.decision;
        });
        expect(judged[0]).toEqual(judged[1]);
        expect(judged[2]).toEqual(judged[1]);
      }),
    ));

  it('never changes what it was given', () =>
    fc.assert(
      fc.property(admissions, (given) => {
        const before = structuredClone(given.pod);
        decide(aRequest(given.pod, given.usable), cluster(given.own));
        expect(given.pod).toEqual(before);
      }),
    ));
});
