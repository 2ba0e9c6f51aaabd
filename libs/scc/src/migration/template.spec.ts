import { serviceAccountSubject } from '../admission/request.js';
import { decide } from '../admission/decide.js';
import { aTemplate } from '../model/scc.fixture.js';
import { aRequest, DEFAULTS } from '../admission/request.fixture.js';
import { controllerSubject, podFromTemplate, type WorkloadKind, type WorkloadOrigin } from './template.js';

const origin = (changes: Partial<WorkloadOrigin> = {}): WorkloadOrigin => ({
  namespace: 'shop',
  name: 'web',
  kind: 'Deployment',
  ...changes,
});
const podOf = (spec: Record<string, unknown>, changes: Partial<WorkloadOrigin> = {}) =>
  podFromTemplate(aTemplate(spec), origin(changes));
const volumeNames = (spec: Record<string, unknown>, changes: Partial<WorkloadOrigin> = {}) =>
  podOf(spec, changes).spec.volumes?.map(({ name }) => name);

describe('the pod of a template', () => {
  it('runs under the default ServiceAccount when the template names none', () => {
    expect(podOf({}).spec).toMatchObject({
      serviceAccountName: 'default',
      serviceAccount: 'default',
      securityContext: {},
    });
    expect(podOf({ serviceAccountName: 'web' }).spec.serviceAccountName).toBe('web');
  });
  it.each([
    [{ serviceAccount: 'old' }, 'old'],
    [{ serviceAccount: 'old', serviceAccountName: '' }, 'old'],
    [{ serviceAccount: 'old', serviceAccountName: 'web' }, 'web'],
  ])('reads the deprecated alias of the ServiceAccount: %j', (spec, account) =>
    expect(podOf(spec).spec).toMatchObject({ serviceAccountName: account, serviceAccount: account }),
  );
  it('keeps labels and annotations of the template', () =>
    expect(podOf({}).metadata).toMatchObject({ labels: { app: 'web' }, namespace: 'shop', generateName: 'web-' }));

  it.each<[string, Record<string, unknown>, Partial<WorkloadOrigin>, boolean]>([
    ['by default', {}, {}, true],
    ['unless the template declines', { automountServiceAccountToken: false }, {}, false],
    ['unless the ServiceAccount declines', {}, { automountToken: false }, false],
    [
      'when the template outranks the ServiceAccount',
      { automountServiceAccountToken: true },
      { automountToken: false },
      true,
    ],
    [
      'unless every container mounts one itself',
      {
        containers: [
          { name: 'web', volumeMounts: [{ name: 't', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] },
        ],
      },
      {},
      false,
    ],
  ])('gets the token %s', (_when, spec, changes, mounted) =>
    expect(volumeNames(spec, changes)?.includes('kube-api-access')).toBe(mounted),
  );

  it('publishes the ports of a pod on the network of the node', () => {
    const ports = [{ containerPort: 80 }, { containerPort: 81, hostPort: 81 }, { containerPort: 82, hostPort: 0 }];
    const spec = podOf({
      hostNetwork: true,
      initContainers: [{ name: 'i', ports }],
      containers: [{ name: 'web', ports }],
    }).spec;
    expect(spec.containers[0]?.ports?.map(({ hostPort }) => hostPort)).toEqual([80, 81, 82]);
    expect(spec.initContainers?.[0]?.ports?.map(({ hostPort }) => hostPort)).toEqual([80, 81, 82]);
    expect(podOf({ containers: [{ name: 'web', ports }] }).spec.containers[0]?.ports?.[0]?.hostPort).toBeUndefined();
  });

  it('has the claims of a StatefulSet as volumes, in place of one of the same name', () => {
    const spec = {
      volumes: [{ name: 'data', emptyDir: {} }, { name: 'scratch' }],
      automountServiceAccountToken: false,
    };
    expect(podOf(spec, { kind: 'StatefulSet', volumeClaimTemplates: ['data'] }).spec.volumes).toEqual([
      { name: 'scratch', emptyDir: {} },
      { name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } },
    ]);
  });

  it.each<[Exclude<WorkloadKind, 'Pod'>, string]>([
    ['Deployment', 'replicaset-controller'],
    ['StatefulSet', 'statefulset-controller'],
    ['DaemonSet', 'daemon-set-controller'],
    ['CronJob', 'job-controller'],
    ['DeploymentConfig', 'replication-controller'],
  ])('of a %s is asked for by the %s', (kind, controller) =>
    expect(controllerSubject(kind).name).toBe(`system:serviceaccount:kube-system:${controller}`),
  );

  it('gets restricted-v2 through its controller, which is authenticated as the ServiceAccount is not', () => {
    const grantedTo = (groups: readonly string[]) => groups.includes('system:authenticated');
    const subjects = {
      serviceAccount: serviceAccountSubject('shop', 'default'),
      requester: controllerSubject('Deployment'),
    };
    const request = aRequest(podOf({}), [], {
      subjects,
      mayUse: (type, scc) =>
        scc === 'restricted-v2' && grantedTo((type === 'user' ? subjects.requester : subjects.serviceAccount).groups),
    });
    expect(decide(request, DEFAULTS)).toMatchObject({ scc: 'restricted-v2', subjectType: 'user' });
  });
});
