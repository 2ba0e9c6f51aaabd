import { compileSCCs } from '../model/compile.js';
import { type AdmissionRequest, type Decision } from './request.js';
import { decide, validatePass } from './decide.js';
import { checkExec } from './exec.js';
import { REQUIRED_SCC_ANNOTATION, SCC_ANNOTATION, SUBJECT_TYPE_ANNOTATION } from '../model/names.js';
import type { Pod } from '../model/pod.js';
import { aPod, anSCC, firstContainer, SHOP, without } from '../model/scc.fixture.js';
import { aRequest, DEFAULTS } from './request.fixture.js';
import { semanticallyEqual } from './ignored.js';

const admitted = (decision: Decision) => {
  if (decision.decision !== 'admitted') throw new Error(JSON.stringify(decision));
  return decision;
};
const rejected = (decision: Decision) => {
  if (decision.decision !== 'rejected') throw new Error(JSON.stringify(decision));
  return decision;
};
const required = (scc: string): Record<string, string> => ({ [REQUIRED_SCC_ANNOTATION]: scc });
const relabelled = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, labels: { relabelled: 'yes' } } });

describe('creating a pod', () => {
  it('takes the first SCC that fits, although it changes the pod', () => {
    const decision = admitted(decide(aRequest(aPod(), ['restricted-v2', 'nonroot']), DEFAULTS));
    expect(decision.scc).toBe('restricted-v2');
    expect(decision.mutated).toBe(true);
    expect(firstContainer(decision.pod).securityContext).toEqual({
      runAsUser: 1000680000,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    expect(decision.annotations).toEqual({
      [SCC_ANNOTATION]: 'restricted-v2',
      [SUBJECT_TYPE_ANNOTATION]: 'serviceaccount',
      'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default',
    });
  });

  it('leaves the given pod untouched and shares what it does not change', () => {
    const pod = aPod({ volumes: [{ name: 'v', emptyDir: {} }] });
    const before = structuredClone(pod);
    const decision = admitted(decide(aRequest(pod), DEFAULTS));
    expect(pod).toEqual(before);
    expect(decision.pod.spec.volumes).toBe(pod.spec.volumes);
  });

  it('replaces what an author wrote into the annotations of the decision', () => {
    const pod = aPod({}, {}, { [SCC_ANNOTATION]: 'privileged', [SUBJECT_TYPE_ANNOTATION]: 'robot' });
    expect(admitted(decide(aRequest(pod, ['nonroot']), DEFAULTS)).annotations).toMatchObject({
      [SCC_ANNOTATION]: 'nonroot',
      [SUBJECT_TYPE_ANNOTATION]: 'serviceaccount',
    });
  });

  it('lets priority outrank strictness', () => expect(admitted(decide(aRequest(aPod()), DEFAULTS)).scc).toBe('anyuid'));

  it('reports every SCC that did not fit, with field, value, bound and remedy', () => {
    const pod = aPod({ hostNetwork: true }, { securityContext: { runAsUser: 5 } });
    const { reason, message, failures } = rejected(decide(aRequest(pod, ['restricted-v2', 'nonroot-v2']), DEFAULTS));
    expect(reason).toBe('no-scc-fits');
    expect(failures.map(({ scc }) => scc)).toEqual(DEFAULTS.ordered.map(({ name }) => name));
    expect(failures.find(({ scc }) => scc === 'restricted-v2')?.violations).toMatchObject([
      { rule: 'host', field: 'spec.hostNetwork', value: true, bound: 'false', remedy: 'remove hostNetwork' },
      {
        rule: 'runAsUser',
        field: 'spec.containers[0].securityContext.runAsUser',
        value: 5,
        bound: '1000680000-1000689999',
      },
    ]);
    expect(message).toMatch(
      /^unable to validate against any security context constraint: \[provider "anyuid": Forbidden: not usable by user or serviceaccount, /,
    );
    expect(message).toContain(
      'provider restricted-v2: .spec.securityContext.hostNetwork: Invalid value: true: Host network is not allowed to be used',
    );
    expect(message).toContain(
      'provider restricted-v2: .containers[0].runAsUser: Invalid value: 5: must be in the ranges: [1000680000, 1000689999]',
    );
  });

  it('says when only the older default would fit', () => {
    const pod = aPod({}, { securityContext: { allowPrivilegeEscalation: true } });
    expect(rejected(decide(aRequest(pod, ['restricted-v2']), DEFAULTS)).message).toContain(
      'no access to scc/restricted',
    );
    const neither = aPod({ hostPID: true });
    expect(rejected(decide(aRequest(neither, ['restricted-v2']), DEFAULTS)).message).not.toContain('no access');
  });
});

describe('usability', () => {
  const listed = compileSCCs([anSCC('a', { users: ['ana'] }), anSCC('b', { groups: ['system:serviceaccounts:shop'] })]);
  const nobody = (changes: Partial<AdmissionRequest> = {}) => aRequest(aPod(), [], changes);

  it.each<[string, Partial<AdmissionRequest>, string | undefined, string | undefined]>([
    ['by the user list', {}, 'a', 'user'],
    [
      'by the groups of the ServiceAccount',
      {
        subjects: {
          serviceAccount: { name: 'x', groups: ['system:serviceaccounts:shop'] },
          requester: { name: 'bo', groups: [] },
        },
      },
      'b',
      'serviceaccount',
    ],
    ['by nobody', { subjects: { requester: { name: 'bo', groups: ['system:authenticated'] } } }, undefined, undefined],
    [
      'by RBAC of the user',
      { subjects: { requester: { name: 'bo', groups: [] } }, mayUse: (type, name) => type === 'user' && name === 'b' },
      'b',
      'user',
    ],
    ['asks the ServiceAccount first', { mayUse: () => true }, 'a', 'serviceaccount'],
    [
      'does not ask for a ServiceAccount that is not named',
      { subjects: { requester: { name: 'bo', groups: [] } }, mayUse: () => true },
      'a',
      'user',
    ],
  ])('%s', (_what, changes, scc, subjectType) => {
    const decision = decide(nobody(changes), listed);
    if (scc === undefined) expect(decision.decision).toBe('rejected');
    else expect(decision).toMatchObject({ scc, subjectType });
  });
});

describe('a required SCC', () => {
  it('is the only candidate', () => {
    expect(admitted(decide(aRequest(aPod({}, {}, required('nonroot'))), DEFAULTS)).scc).toBe('nonroot');
    const { failures } = rejected(decide(aRequest(aPod({ hostPID: true }, {}, required('nonroot'))), DEFAULTS));
    expect(failures.map(({ scc }) => scc)).toEqual(['nonroot']);
  });
  it('must exist and be usable', () => {
    expect(rejected(decide(aRequest(aPod({}, {}, required('missing'))), DEFAULTS)).reason).toBe('required-scc-unknown');
    expect(rejected(decide(aRequest(aPod({}, {}, required('nonroot')), ['anyuid']), DEFAULTS)).reason).toBe(
      'no-scc-fits',
    );
  });
  it.each([
    ['changed', required('nonroot'), required('anyuid')],
    ['added', required('nonroot'), {}],
    ['removed', {}, required('nonroot')],
  ])('must not be %s', (_what, now, before) => {
    const request = aRequest(aPod({}, {}, now), undefined, { operation: 'UPDATE', oldPod: aPod({}, {}, before) });
    expect(rejected(decide(request, DEFAULTS)).reason).toBe('required-scc-changed');
  });
  it('must be the one that the pod was admitted under', () => {
    const request = aRequest(aPod({}, {}, { ...required('nonroot'), [SCC_ANNOTATION]: 'anyuid' }));
    expect(validatePass(request, DEFAULTS)).toMatchObject({ decision: 'rejected', reason: 'required-scc-not-used' });
  });
});

describe('updating a pod', () => {
  const created = admitted(decide(aRequest(aPod(), ['restricted-v2']), DEFAULTS)).pod;
  const update = (pod: Pod, oldPod: Pod, changes: Partial<AdmissionRequest> = {}) =>
    aRequest(pod, ['restricted-v2', 'nonroot', 'restricted'], { operation: 'UPDATE', oldPod, ...changes });

  it('takes the first SCC that changes nothing', () => {
    expect(admitted(decide(update(relabelled(created), created), DEFAULTS))).toMatchObject({
      scc: 'restricted-v2',
      mutated: false,
    });
    const old = aPod(
      { securityContext: { seLinuxOptions: { level: 's0:c26,c15' } } },
      { securityContext: { capabilities: { drop: ['KILL', 'MKNOD', 'SETUID', 'SETGID'] }, runAsNonRoot: true } },
    );
    expect(admitted(decide(update(relabelled(old), old), DEFAULTS)).scc).toBe('nonroot');
  });
  it('refuses when every SCC would have to change the pod', () => {
    const old = aPod();
    const { failures } = rejected(decide(update(relabelled(old), old), DEFAULTS));
    expect(failures.find(({ scc }) => scc === 'nonroot')?.violations.map(({ rule }) => rule)).toContain('mutation');
  });
  it('may default ephemeral containers, and nothing else, through their subresource', () => {
    const debugged: Pod = { ...created, spec: { ...created.spec, ephemeralContainers: [{ name: 'debug' }] } };
    const decision = admitted(decide(update(debugged, created, { subresource: 'ephemeralcontainers' }), DEFAULTS));
    expect(decision.pod.spec.ephemeralContainers?.[0]?.securityContext).toMatchObject({ runAsUser: 1000680000 });
    expect(decide(update(debugged, created), DEFAULTS).decision).toBe('rejected');
    const bare: Pod = { ...aPod(), spec: { ...aPod().spec, ephemeralContainers: [{ name: 'debug' }] } };
    expect(decide(update(bare, aPod(), { subresource: 'ephemeralcontainers' }), DEFAULTS).decision).toBe('rejected');
  });
  it('needs the old pod', () => {
    const request = update(created, created);
    expect(() => decide({ ...request, oldPod: undefined }, DEFAULTS)).toThrow(TypeError);
  });

  it('ignores that an empty securityContext is left out', () => {
    const [left, empty] = [aPod({ securityContext: undefined }), aPod({ securityContext: {} })];
    expect(decide(update(left, empty), DEFAULTS).decision).toBe('ignored');
    expect(decide(update(empty, left), DEFAULTS).decision).toBe('ignored');
  });

  const withMeta = (changes: object): Pod => ({ ...created, metadata: { ...created.metadata, ...changes } });
  const annotated = (changes: Record<string, string>) =>
    withMeta({ annotations: { ...created.metadata.annotations, ...changes } });
  it.each<[string, Pod, boolean]>([
    ['nothing', created, true],
    ['ownerReferences', withMeta({ ownerReferences: [{ name: 'x' }] }), true],
    ['finalizers', withMeta({ finalizers: ['x'] }), true],
    ['selfLink', withMeta({ selfLink: '/x' }), true],
    ['managedFields', withMeta({ managedFields: [{ manager: 'x' }] }), true],
    ['the network annotation', annotated({ 'k8s.ovn.org/pod-networks': 'x' }), true],
    ['another annotation', annotated({ other: 'x' }), false],
    ['the network annotation and another', annotated({ other: 'x', 'k8s.ovn.org/pod-networks': 'x' }), false],
    ['a removed annotation', withMeta({ annotations: {} }), false],
    ['a label', relabelled(created), false],
    ['ownerReferences and a label', relabelled(withMeta({ ownerReferences: [{ name: 'x' }] })), false],
    ['the spec', { ...created, spec: { ...created.spec, activeDeadlineSeconds: 5 } }, false],
    ['an empty list', { ...created, spec: { ...created.spec, volumes: [] } }, true],
    ['a host flag that is off', { ...created, spec: { ...created.spec, hostIPC: false } }, true],
    ['a host flag that is on', { ...created, spec: { ...created.spec, hostIPC: true } }, false],
    ['the user namespace', { ...created, spec: { ...created.spec, hostUsers: false } }, false],
    ['the status', { ...created, status: { phase: 'Failed' } }, false],
  ])('that changes %s is ignored: %#', (_what, pod, ignored) =>
    expect(decide(update(pod, created), DEFAULTS).decision === 'ignored').toBe(ignored),
  );
});

describe('what admission does not look at', () => {
  it.each(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status'])(
    'subresource %s',
    (subresource) =>
      expect(decide(aRequest(aPod(), [], { subresource }), DEFAULTS)).toMatchObject({
        decision: 'ignored',
        why: 'subresource',
      }),
  );
  it.each(['', 'ephemeralcontainers', 'resize'])('but subresource %j', (subresource) =>
    expect(decide(aRequest(aPod(), [], { subresource }), DEFAULTS).decision).toBe('rejected'),
  );
  it.each([
    ['windows', true],
    ['Windows', false],
    ['linux', false],
  ])('pods for %s: %s', (name, ignored) =>
    expect(decide(aRequest(aPod({ os: { name } }), []), DEFAULTS).decision === 'ignored').toBe(ignored),
  );
  it('exempt namespaces', () =>
    expect(decide(aRequest(aPod(), [], { namespace: { name: 'kube-system' } }), DEFAULTS)).toMatchObject({
      why: 'namespace-exempt',
    }));
});

describe('what makes judging impossible', () => {
  const reason = (sccs: Parameters<typeof compileSCCs>[0], annotations: Record<string, string>) =>
    rejected(decide(aRequest(aPod(), undefined, { namespace: { name: 'shop', annotations } }), compileSCCs(sccs)))
      .reason;
  const any = anSCC('any');
  const complete = { ...SHOP.annotations };

  it('lacks an annotation of the namespace, needed or not', () => {
    expect(reason([any], without(complete, 'openshift.io/sa.scc.mcs'))).toBe('namespace-not-ready');
    expect(reason([any], without(complete, 'openshift.io/sa.scc.uid-range'))).toBe('namespace-not-ready');
  });
  it.each<[string, Record<string, unknown>, Record<string, string>]>([
    ['an unknown strategy', { runAsUser: { type: 'Odd' } }, {}],
    ['MustRunAs without an id', { runAsUser: { type: 'MustRunAs' } }, {}],
    ['half a range', { runAsUser: { type: 'MustRunAsRange', uidRangeMin: 5 } }, {}],
    ['an unreadable range', { runAsUser: { type: 'MustRunAsRange' } }, { 'openshift.io/sa.scc.uid-range': 'x' }],
    ['an empty level', { seLinuxContext: { type: 'MustRunAs' } }, { 'openshift.io/sa.scc.mcs': '' }],
    ['empty groups', { fsGroup: { type: 'MustRunAs' } }, { 'openshift.io/sa.scc.supplemental-groups': '' }],
  ])('has %s in one SCC, although another would fit', (_what, fields, annotations) => {
    expect(reason([any, anSCC('broken', fields)], { ...complete, ...annotations })).toBe('scc-invalid');
  });
  it('is not there when the SCC is no candidate', () => {
    const compiled = compileSCCs([any, anSCC('broken', { runAsUser: { type: 'Odd' } })]);
    expect(decide(aRequest(aPod({}, {}, required('any'))), compiled).decision).toBe('admitted');
  });
});

describe('the validating pass', () => {
  it('accepts another SCC than the annotated one', () => {
    const { pod } = admitted(decide(aRequest(aPod(), ['nonroot']), DEFAULTS));
    expect(validatePass(aRequest(pod), DEFAULTS)).toMatchObject({ decision: 'accepted', scc: 'nonroot' });
    const misnamed = { ...pod, metadata: { ...pod.metadata, annotations: { [SCC_ANNOTATION]: 'hostaccess' } } };
    expect(validatePass(aRequest(misnamed, ['nonroot', 'hostaccess']), DEFAULTS)).toMatchObject({ scc: 'nonroot' });
  });
  it('refuses what would have to be changed', () =>
    expect(validatePass(aRequest(aPod(), ['nonroot']), DEFAULTS).decision).toBe('rejected'));
});

describe('exec', () => {
  const exec = (pod: Pod, usable: string[]) => checkExec({ ...aRequest(pod, usable), subresource: 'exec' }, DEFAULTS);
  it('is allowed where the requester could create the pod, under any SCC', () =>
    expect(exec(aPod({}, {}, { [SCC_ANNOTATION]: 'privileged' }), ['nonroot'])).toEqual({
      allowed: true,
      scc: 'nonroot',
    }));
  it('is refused where not', () =>
    expect(exec(aPod({ hostPID: true }), ['nonroot'])).toMatchObject({
      allowed: false,
      message: expect.stringContaining('exec operation is not allowed') as string,
    }));
  it('is not restricted for ignored pods', () =>
    expect(exec(aPod({ os: { name: 'windows' } }), [])).toEqual({ allowed: true, scc: undefined }));
});

it.each([
  [{ a: 1 }, { a: 1, b: [] }, true],
  [{ a: null }, {}, true],
  [{ a: {} }, {}, false],
  [[1, 2], [2, 1], false],
  [[{ a: [] }], [{}], true],
  [{ a: 0 }, {}, false],
  ['x', ['x'], false],
])('semantic equality of %j and %j: %s', (a, b, equal) => {
  expect(semanticallyEqual(a, b)).toBe(equal);
  expect(semanticallyEqual(b, a)).toBe(equal);
});
