import { changedInPod, changedInStore } from './taken-back.js';

const PIN = { annotations: { 'openshift.io/required-scc': 'restricted-v2' } };
const template = (securityContext: object | undefined, spec: object = {}, metadata: object = PIN) => ({
  metadata,
  spec: {
    serviceAccountName: 'web',
    ...spec,
    containers: [{ name: 'app', image: 'web:1', ...(securityContext ? { securityContext } : {}) }],
  },
});
const wanted = template({ runAsNonRoot: true });
const CONTEXT = 'spec.containers[app].securityContext';

describe('changedInStore', () => {
  const before = template({ privileged: true, runAsUser: 0 }, { hostPID: true }, {});
  it.each<[string, unknown, string[]]>([
    ['nothing of what is stored as it was written', wanted, []],
    ['nothing of what the API server fills in', template({ runAsNonRoot: true, procMount: 'Default' }), []],
    ['nothing of what decides nothing', template({ runAsNonRoot: true }, { dnsPolicy: 'ClusterFirst' }), []],
    [
      'a field that comes back',
      template({ runAsNonRoot: true, privileged: true }),
      [`${CONTEXT}.privileged is true instead of nothing`],
    ],
    [
      'one of the pod that comes back',
      template({ runAsNonRoot: true }, { hostPID: true }),
      ['spec.hostPID is true instead of nothing'],
    ],
    [
      'a field that is set to something else',
      template({ runAsNonRoot: false }),
      [`${CONTEXT}.runAsNonRoot is false instead of true`],
    ],
    [
      'the pin that is gone',
      template({ runAsNonRoot: true }, {}, {}),
      ['metadata.annotations[openshift.io/required-scc] is nothing instead of "restricted-v2"'],
    ],
    [
      'another ServiceAccount',
      template({ runAsNonRoot: true }, { serviceAccountName: 'default' }),
      ['spec.serviceAccountName is "default" instead of "web"'],
    ],
  ])('names %s', (_case, stored, expected) => {
    expect(changedInStore({ before, wanted, stored })).toEqual(expected);
  });

  it.each([
    ['the deprecated field alone', { serviceAccountName: undefined, serviceAccount: 'deployer' }],
    ['both fields', { serviceAccountName: 'deployer', serviceAccount: 'web' }],
  ])('names nothing where the API server fills in the ServiceAccount: by %s', (_case, fields) => {
    const stored = template(undefined, { serviceAccountName: 'deployer', serviceAccount: 'deployer' });
    expect(changedInStore({ before, wanted: template(undefined, fields), stored })).toEqual([]);
  });
});

describe('changedInPod', () => {
  const dropping = template({ capabilities: { drop: ['ALL'] } });
  const injected = { containers: [{ name: 'istio-proxy', securityContext: { privileged: true } }] };
  it.each<[string, unknown, unknown, string[]]>([
    ['nothing of what an SCC fills in', wanted, template({ runAsNonRoot: true, runAsUser: 1000650000 }), []],
    ['nothing of what an SCC adds to a list', dropping, template({ capabilities: { drop: ['ALL', 'KILL'] } }), []],
    [
      'nothing of containers that were injected',
      wanted,
      { ...wanted, spec: { ...wanted.spec, containers: [...wanted.spec.containers, ...injected.containers] } },
      [],
    ],
    ['a field that is gone', wanted, template({}), [`${CONTEXT}.runAsNonRoot is nothing instead of true`]],
    [
      'a part of a list that is gone',
      dropping,
      template({ capabilities: { drop: ['KILL'] } }),
      [`${CONTEXT}.capabilities.drop is ["KILL"] instead of ["ALL"]`],
    ],
    [
      'a privilege that was added',
      wanted,
      template({ runAsNonRoot: true, privileged: true }, { hostNetwork: true }),
      ['spec.hostNetwork is true instead of nothing', `${CONTEXT}.privileged is true instead of nothing`],
    ],
    [
      'a privilege of a container that says nothing',
      template(undefined),
      template({ privileged: true }),
      [`${CONTEXT}.privileged is true instead of nothing`],
    ],
  ])('names %s', (_case, own, pod, expected) => {
    expect(changedInPod(own, pod)).toEqual(expected);
  });
});
