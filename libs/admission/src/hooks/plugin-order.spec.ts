import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  type AdmissionRequest,
  type CompiledSCCs,
  compileSCCs,
  conformanceCaseSchema,
  decide,
  defaultSCCs,
  type Pod,
  podSchema,
  REQUIRED_SCC_ANNOTATION,
  requestOfCase,
  SCC_ANNOTATION,
  validatePass,
} from '@scc/scc';
import { canonical } from '../testing/admission.fixture.js';
import { steer } from './pin-pods.js';

type Webhook = (pod: Pod) => Pod | undefined;

/**
 * What OpenShift does with a new pod: its plugin, then the webhooks, the plugin again when one of them changed the pod,
 * and those that ask for it again; what they change then meets only the validating pass.
 */
function throughOpenShift(request: AdmissionRequest, compiled: CompiledSCCs, webhook: Webhook): Pod | string {
  const admit = (pod: Pod): Pod | string => {
    const decision = decide({ ...request, pod }, compiled);
    return decision.decision === 'admitted' ? decision.pod : decision.decision;
  };
  const first = admit(request.pod);
  if (typeof first === 'string') return first;
  const changed = webhook(first);
  const second = changed ? admit(changed) : first;
  if (typeof second === 'string') return second;
  const last = (changed && webhook(second)) ?? second;
  return validatePass({ ...request, pod: last }, compiled).decision === 'accepted' ? last : 'not valid';
}

const withPin = (pod: Pod, scc: string): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [REQUIRED_SCC_ANNOTATION]: scc } },
});

interface Pinned {
  readonly id: string;
  readonly request: AdmissionRequest;
  readonly compiled: CompiledSCCs;
  readonly first: string;
  readonly wanted: string;
  /** The template as it would have become with the pin in it. */
  readonly expected: Pod;
}

/** Who may use which SCCs: everything, or the SCC that is wanted beside the one that everybody may use. */
const RIGHTS = [() => true, (scc: string, wanted: string) => scc === wanted || scc === 'restricted-v2'];

/** Every recorded pod with every SCC that a pin in its template would bring it under. */
function pinnedCases(): Pinned[] {
  const lines = readFileSync('libs/scc/fixtures/cases.jsonl', 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const recorded = conformanceCaseSchema.parse(JSON.parse(line));
    const compiled = compileSCCs([...defaultSCCs(), ...(recorded.sccs ?? [])]);
    const asked = requestOfCase(recorded);
    if (asked.operation !== 'CREATE' || asked.pod.metadata.annotations?.[REQUIRED_SCC_ANNOTATION]) return [];
    return compiled.ordered.flatMap(({ name }) =>
      RIGHTS.flatMap((may): Pinned[] => {
        const request: AdmissionRequest = { ...asked, mayUse: (_type, scc) => may(scc, name) };
        const unpinned = decide(request, compiled);
        const decision = decide({ ...request, pod: withPin(request.pod, name) }, compiled);
        if (unpinned.decision !== 'admitted' || decision.decision !== 'admitted') return [];
        return [{ id: recorded.id, request, compiled, first: unpinned.scc, wanted: name, expected: decision.pod }];
      }),
    );
  });
}

const authorOf = (request: AdmissionRequest) => ({ metadata: request.pod.metadata, spec: request.pod.spec });
const cases = pinnedCases();

describe('a pin beside the plugin of OpenShift', () => {
  it('has enough to be tried on', () => {
    expect(cases.filter(({ first, wanted }) => first !== wanted).length).toBeGreaterThan(450);
  });

  it('ends as if the author had written it into the template', () => {
    const differing = cases.flatMap(({ id, request, compiled, wanted, expected }) => {
      const result = throughOpenShift(request, compiled, (pod) =>
        steer({ ...request, pod }, wanted, { compiled, template: authorOf(request) }),
      );
      const isSame =
        typeof result !== 'string' && JSON.stringify(canonical(result)) === JSON.stringify(canonical(expected));
      return isSame ? [] : [`${id} ${wanted}`];
    });
    expect(differing).toEqual([]);
  });

  it('asks for nothing any more once the pod is under the SCC', () => {
    for (const { request, compiled, wanted, expected } of cases)
      expect(steer({ ...request, pod: expected }, wanted, { compiled, template: authorOf(request) })).toBeUndefined();
  });

  const compiled = compileSCCs(defaultSCCs());
  const requestFor = (pod: Pod): AdmissionRequest => ({
    operation: 'CREATE',
    pod,
    namespace: {
      name: 'shop',
      annotations: { 'openshift.io/sa.scc.uid-range': '1000/10', 'openshift.io/sa.scc.mcs': 's0:c1,c0' },
    },
    subjects: { requester: { name: 'ana', groups: [] } },
    mayUse: (_type, scc) => scc === 'restricted-v2' || scc === 'nonroot-v2',
  });
  const aPod = (context: object): Pod =>
    podSchema.parse({
      metadata: { namespace: 'shop' },
      spec: { containers: [{ name: 'app', securityContext: context }] },
    });

  it('lets the choice of the plugin stand where the pinned SCC would refuse the pod', () => {
    const pod = aPod({ runAsUser: 4000 });
    const result = throughOpenShift(requestFor(pod), compiled, (current) =>
      steer(requestFor(current), 'restricted-v2', { compiled, template: pod }),
    );
    expect(result).toMatchObject({ metadata: { annotations: { [SCC_ANNOTATION]: 'nonroot-v2' } } });
  });

  it('leaves fields that another webhook set after the first pass', () => {
    const pod = aPod({});
    const first = decide(requestFor(pod), compiled);
    if (first.decision !== 'admitted') throw new Error('the pod is not admitted');
    const injected = structuredClone(first.pod);
    const [app] = injected.spec.containers;
    app!.securityContext = { ...app!.securityContext, runAsUser: 4711 };
    injected.spec.containers.push({ name: 'sidecar', securityContext: { runAsUser: 1337, runAsNonRoot: true } });
    const steered = steer(requestFor(injected), 'nonroot-v2', { compiled, template: pod });
    expect(first.scc).toBe('restricted-v2');
    expect(steered?.spec.containers.map(({ securityContext }) => securityContext?.runAsUser)).toEqual([4711, 1337]);
    expect(steered?.spec.securityContext).toEqual({});
  });
});
