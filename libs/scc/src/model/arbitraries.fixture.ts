import fc from 'fast-check';
import type { SecurityContextConstraints } from './scc.js';
import { type Pod, podSchema } from './pod.js';
import { sccSchema } from './scc.js';

const id = fc.constantFrom(0, 1, 999, 1000, 65534, 1000680000, 1000680001, 1000689999, 2000000000);
const capability = fc.constantFrom('ALL', 'KILL', 'MKNOD', 'SETUID', 'NET_BIND_SERVICE', 'CAP_SYS_ADMIN', 'CHOWN');
const capabilityList = fc.array(capability, { maxLength: 3 });
const level = fc.constantFrom('s0', 's0:c26,c15', 's0:c15,c26', 's1:c26,c15');
const profile = fc.constantFrom(
  { type: 'RuntimeDefault' },
  { type: 'Unconfined' },
  { type: 'Localhost', localhostProfile: 'a.json' },
);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 4 });
const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 3 });
const seLinuxOptions = fc.record(
  { level, type: fc.constantFrom('container_t', 'spc_t'), user: fc.constant('system_u') },
  { requiredKeys: ['level'] },
);

const containerContext = fc.record({
  runAsUser: maybe(id),
  runAsNonRoot: rarely(fc.boolean()),
  privileged: rarely(fc.boolean()),
  allowPrivilegeEscalation: rarely(fc.boolean()),
  readOnlyRootFilesystem: rarely(fc.boolean()),
  capabilities: rarely(fc.record({ add: maybe(capabilityList), drop: maybe(capabilityList) })),
  seLinuxOptions: rarely(seLinuxOptions),
  seccompProfile: rarely(profile),
});

const aContainerSpec = fc.record({
  securityContext: maybe(containerContext),
  ports: rarely(
    fc.array(fc.record({ containerPort: fc.constantFrom(80, 8080), hostPort: rarely(fc.constant(80)) }), {
      maxLength: 2,
    }),
  ),
});

const source = fc.constantFrom(
  { emptyDir: {} },
  { secret: { secretName: 's' } },
  { hostPath: { path: '/' } },
  { persistentVolumeClaim: { claimName: 'c' } },
  { nfs: { server: 'n', path: '/' } },
  { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
);

const podContext = fc.record({
  runAsUser: rarely(id),
  runAsNonRoot: rarely(fc.boolean()),
  fsGroup: rarely(id),
  supplementalGroups: rarely(fc.array(id, { maxLength: 2 })),
  seLinuxOptions: rarely(seLinuxOptions),
  seccompProfile: rarely(profile),
  sysctls: rarely(
    fc.array(
      fc.record({ name: fc.constantFrom('kernel.msgmax', 'net.ipv4.tcp_syncookies'), value: fc.constant('1') }),
      { maxLength: 2 },
    ),
  ),
});

interface Named {
  readonly name: string;
}
const named = (prefix: string, specs: readonly object[]): Named[] =>
  specs.map((spec, index) => ({ name: `${prefix}${index}`, ...spec }));

export const pods: fc.Arbitrary<Pod> = fc
  .record({
    context: podContext,
    hostNetwork: rarely(fc.boolean()),
    hostPID: rarely(fc.boolean()),
    hostUsers: maybe(fc.boolean()),
    volumes: fc.array(source, { maxLength: 2 }),
    initContainers: fc.array(aContainerSpec, { maxLength: 1 }),
    containers: fc.array(aContainerSpec, { minLength: 1, maxLength: 2 }),
    seccomp: rarely(fc.constantFrom('runtime/default', 'docker/default', 'unconfined', 'localhost/a.json')),
  })
  .map(({ context, volumes, initContainers, containers, seccomp, ...flags }) =>
    podSchema.parse({
      metadata: {
        name: 'p',
        namespace: 'shop',
        labels: { app: 'a' },
        annotations: seccomp === undefined ? {} : { 'seccomp.security.alpha.kubernetes.io/pod': seccomp },
      },
      spec: {
        ...flags,
        serviceAccountName: 'web',
        securityContext: context,
        volumes: named('v', volumes),
        initContainers: named('i', initContainers),
        containers: named('c', containers),
      },
    }),
  );

const groupStrategy = fc.oneof(
  fc.constant({ type: 'RunAsAny' }),
  fc.constant({ type: 'MustRunAs' }),
  fc.constant({ type: 'MustRunAs', ranges: [{ min: 1000, max: 65534 }] }),
);

/** SCCs of the cluster's own, named x0, x1, …; all of them valid. */
export const ownSCCs: fc.Arbitrary<SecurityContextConstraints[]> = fc
  .array(
    fc.record({
      priority: fc.constantFrom(null, 0, 10, 11),
      allowPrivilegedContainer: fc.boolean(),
      allowPrivilegeEscalation: fc.constantFrom(null, true, false),
      allowHostDirVolumePlugin: fc.boolean(),
      allowHostNetwork: fc.boolean(),
      allowHostPorts: fc.boolean(),
      allowHostPID: fc.boolean(),
      readOnlyRootFilesystem: fc.boolean(),
      volumes: fc.constantFrom(['*'], null, ['secret', 'emptyDir'], ['none']),
      runAsUser: fc.constantFrom(
        { type: 'RunAsAny' },
        { type: 'MustRunAsNonRoot' },
        { type: 'MustRunAs', uid: 1000 },
        { type: 'MustRunAsRange' },
        { type: 'MustRunAsRange', uidRangeMin: 1000, uidRangeMax: 2000 },
      ),
      seLinuxContext: fc.constantFrom(
        { type: 'RunAsAny' },
        { type: 'MustRunAs' },
        { type: 'MustRunAs', seLinuxOptions: { level: 's0:c15,c26', type: 'container_t' } },
      ),
      fsGroup: groupStrategy,
      supplementalGroups: groupStrategy,
      requiredDropCapabilities: fc.constantFrom(null, ['ALL'], ['KILL', 'MKNOD']),
      allowedCapabilities: fc.constantFrom(null, ['NET_BIND_SERVICE', 'CHOWN']),
      defaultAddCapabilities: fc.constantFrom(null, ['SETUID']),
      seccompProfiles: fc.constantFrom(null, ['*'], ['runtime/default'], ['unconfined', '*'], ['localhost/a.json']),
      allowedUnsafeSysctls: fc.constantFrom(null, ['*'], ['kernel.msg*']),
      userNamespaceLevel: fc.constantFrom('AllowHostLevel', 'RequirePodLevel'),
    }),
    { maxLength: 3 },
  )
  .map((all) => all.map((fields, index) => sccSchema.parse({ metadata: { name: `x${index}` }, ...fields })));
