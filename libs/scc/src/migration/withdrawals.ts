import { SECCOMP_CONTAINER_ANNOTATION_PREFIX, SECCOMP_POD_ANNOTATION } from '../model/names.js';
import { type Container, CONTAINER_LISTS, type Pod } from '../model/pod.js';
import { clip } from '../rules/findings.js';
import { type Compared, names, type Pair, risk, type Risk, type Rule } from './risk.js';

/** Things that one risk names; the others are counted. */
const MAX_NAMED = 20;

function listed(items: readonly string[]): string {
  const shown = items.slice(0, MAX_NAMED).map((item) => clip(item, 100));
  const more = items.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

const are = (items: readonly string[], one: string, several: string): string => (items.length === 1 ? one : several);

const withoutPrefix = (name: string): string => name.replace(/^CAP_/, '');
const capabilitiesOf = (container: Container | undefined, list: 'add' | 'drop'): string[] =>
  (container?.securityContext?.capabilities?.[list] ?? []).map(withoutPrefix);

const dropsAll = (container: Container | undefined): boolean => capabilitiesOf(container, 'drop').includes('ALL');
export const adds = (container: Container, name: string): boolean => capabilitiesOf(container, 'add').includes(name);
export const newlyDropsAll = ({ before, after }: Pair): boolean => dropsAll(after) && !dropsAll(before);

const isPrivileged = (container: Container | undefined): boolean => container?.securityContext?.privileged === true;

/** What stops working without a capability, for those that workloads ask for. */
const CAPABILITY_USES: Readonly<Record<string, string>> = {
  BPF: 'eBPF programs cannot be loaded',
  CHOWN: 'chown of files fails, as entry points do for their data directory',
  DAC_OVERRIDE: 'root cannot read or write the files of other users',
  FOWNER: 'chmod of files of other users fails',
  IPC_LOCK: 'mlock fails: memory cannot be kept from being swapped',
  KILL: 'processes of other users cannot be signalled',
  MKNOD: 'device nodes cannot be made',
  NET_ADMIN: 'iptables, routes and interfaces cannot be changed, as istio-init and VPNs do',
  NET_BIND_SERVICE: 'ports below 1024 cannot be bound',
  NET_RAW: 'ping and packet capture fail',
  PERFMON: 'performance counters cannot be read',
  SETGID: 'the process cannot change its group, as gosu and su do',
  SETUID: 'the process cannot change its user, as gosu, su and sudo do',
  SYS_ADMIN: 'mounts and many other calls of administrators fail',
  SYS_CHROOT: 'chroot fails, as in sshd',
  SYS_NICE: 'priorities and real-time scheduling cannot be set',
  SYS_PTRACE: 'debuggers and profilers cannot attach',
  SYS_RESOURCE: 'limits cannot be raised',
  SYS_TIME: 'the clock of the node cannot be set',
};

/** The capabilities that a container asked for, or had from the runtime, and that the target takes away by name. */
function withdrawnOf({ before, after }: Pair): string[] {
  if (isPrivileged(after)) return [];
  const [had, has] = [before, after].map((container) => new Set(capabilitiesOf(container, 'add')));
  const dropped = new Set(capabilitiesOf(before, 'drop'));
  const lost = [...(had ?? [])].filter((name) => !has?.has(name) && !has?.has('ALL'));
  const newlyDropped = capabilitiesOf(after, 'drop').filter(
    (name) => name !== 'ALL' && !dropped.has(name) && !dropped.has('ALL') && !has?.has(name),
  );
  return [...new Set([...lost, ...newlyDropped])];
}

const CAPABILITY_REMEDY =
  'change the image so that it does not need it, or choose or write an SCC that allows this one capability';

const capabilityRisk = (containers: readonly string[], found: { cause: string; symptom: string }): readonly Risk[] =>
  risk(containers, {
    name: 'capabilities-withdrawn',
    ...found,
    check: 'search the entry point for calls that need it, and watch for denials during mirroring',
    remedy: CAPABILITY_REMEDY,
  });

/** One risk for each capability that people know, and one for all others. */
const capabilitiesWithdrawn: Rule = ({ pairs }) => {
  const containersOf = new Map<string, string[]>();
  for (const pair of pairs)
    for (const name of withdrawnOf(pair)) containersOf.set(name, [...(containersOf.get(name) ?? []), pair.name]);
  const known = [...containersOf].filter(([name]) => name in CAPABILITY_USES);
  const others = [...containersOf].filter(([name]) => !(name in CAPABILITY_USES));
  const otherNames = others.map(([name]) => name);
  const all = pairs.filter(newlyDropsAll);
  return [
    ...known.flatMap(([name, containers]) =>
      capabilityRisk(containers, {
        cause: `the capability ${name} is taken away`,
        symptom: `EPERM: ${CAPABILITY_USES[name] ?? ''}`,
      }),
    ),
    ...(others.length === 0
      ? []
      : capabilityRisk([...new Set(others.flatMap(([, containers]) => containers))], {
          cause: `${are(otherNames, 'the capability', 'the capabilities')} ${listed(otherNames)} ${are(otherNames, 'is', 'are')} taken away`,
          symptom: 'EPERM from calls that need it',
        })),
    ...(all.length === 0
      ? []
      : capabilityRisk(names(all), {
          cause: 'SETUID, SETGID, CHOWN, KILL, FOWNER, NET_RAW and SYS_CHROOT are no longer available',
          symptom: 'EPERM from su, gosu, sudo, ping or chown at run time',
        })),
  ];
};

const privilegedWithdrawn: Rule = ({ pairs }) => {
  const lost = pairs.filter(({ before, after }) => isPrivileged(before) && !isPrivileged(after));
  if (lost.length === 0) return [];
  return risk(names(lost), {
    name: 'privileged-withdrawn',
    cause:
      'the container is no longer privileged: all capabilities beyond the usual ones and the devices of the node go',
    symptom: 'EPERM from mount, iptables and sysctl; devices in /dev are missing',
    check: 'find out why it was privileged: list its calls under the present SCC with strace or an audit profile',
    remedy: 'ask for the single capabilities that it needs, with an SCC that allows them, or stay with the present SCC',
  });
};

const sysctlsOf = ({ spec }: Pod): string[] => (spec.securityContext?.sysctls ?? []).map(({ name }) => name);

const sysctlsWithdrawn: Rule = ({ before, after }) => {
  const kept = new Set(sysctlsOf(after));
  const lost = sysctlsOf(before).filter((name) => !kept.has(name));
  if (lost.length === 0) return [];
  return risk([], {
    name: 'sysctls-withdrawn',
    cause: `${are(lost, 'the sysctl', 'the sysctls')} ${listed(lost)} ${are(lost, 'falls', 'fall')} back to the default of the node`,
    symptom: 'lower limits under load: refused connections, smaller buffers, or a process that refuses to start',
    check: 'compare the values in a running pod with those of the node',
    remedy: 'an SCC of your own with allowedUnsafeSysctls, or the value set on the nodes by a node profile',
  });
};

const groupsOf = ({ spec: { securityContext } }: Pod): number[] => [
  ...(securityContext?.supplementalGroups ?? []),
  ...(securityContext?.fsGroup == null ? [] : [securityContext.fsGroup]),
];

const groupsWithdrawn: Rule = ({ before, after }) => {
  const kept = new Set(groupsOf(after));
  const lost = [...new Set(groupsOf(before))].filter((group) => !kept.has(group)).map(String);
  if (lost.length === 0) return [];
  return risk([], {
    name: 'groups-withdrawn',
    cause: `the pod no longer belongs to ${are(lost, 'the group', 'the groups')} ${listed(lost)}`,
    symptom: 'EACCES on files that only that group may use; on NFS also where fsGroup is set, which NFS ignores',
    check: 'list the groups of the files on the volumes, on NFS at the server',
    remedy:
      'give the files to a group that the target allows, or an SCC of your own with supplementalGroups of that id',
  });
};

const SELINUX_FIELDS = ['user', 'role', 'type'] as const;

/** The level is left out: a change of it is the risk `selinux-relabel`. */
function changedSELinux({ before, after }: Compared, pair: Pair): string[] {
  const [had, has] = [
    { pod: before, container: pair.before },
    { pod: after, container: pair.after },
  ].map(({ pod, container }) => container?.securityContext?.seLinuxOptions ?? pod.spec.securityContext?.seLinuxOptions);
  return SELINUX_FIELDS.flatMap((field) => {
    const value = had?.[field];
    return value && value !== has?.[field] ? [`${field} ${value}`] : [];
  });
}

const seLinuxOptionsWithdrawn: Rule = (change) => {
  const lost = change.pairs.map((pair) => ({ name: pair.name, fields: changedSELinux(change, pair) }));
  const concerned = lost.filter(({ fields }) => fields.length > 0);
  if (concerned.length === 0) return [];
  const fields = [...new Set(concerned.flatMap(({ fields: own }) => own))];
  return risk(
    concerned.map(({ name }) => name),
    {
      name: 'selinux-options-withdrawn',
      cause: `the SELinux ${listed(fields)} ${are(fields, 'is', 'are')} taken away`,
      symptom: 'EACCES with AVC denials in the audit log of the node, although the file rights allow it',
      check: 'search for AVC denials (ausearch -m avc) while the pod runs as container_t',
      remedy: 'an SCC of your own whose seLinuxContext sets these options, or a policy module for what is denied',
    },
  );
};

/** The seccomp profile that counts for a container, in the words of its field. */
function profileOf(pod: Pod, container: Container | undefined): string | undefined {
  const field = container?.securityContext?.seccompProfile ?? pod.spec.securityContext?.seccompProfile;
  if (field) return field.localhostProfile ? `${field.type} ${field.localhostProfile}` : field.type;
  const { annotations } = pod.metadata;
  return (
    annotations?.[SECCOMP_CONTAINER_ANNOTATION_PREFIX + (container?.name ?? '')] ??
    annotations?.[SECCOMP_POD_ANNOTATION]
  );
}

const profiles = ({ pairs, before, after }: Compared) =>
  pairs.map((pair) => ({
    name: pair.name,
    isNew: pair.before === undefined,
    had: profileOf(before, pair.before),
    has: profileOf(after, pair.after),
  }));
type Profiles = ReturnType<typeof profiles>[number];
const namesOf = (concerned: readonly Profiles[]): string[] => concerned.map(({ name }) => name);

const seccompNewlyApplied: Rule = (change) => {
  const concerned = profiles(change).filter(({ had, has }) => has !== undefined && had === undefined);
  if (concerned.length === 0) return [];
  return risk(namesOf(concerned), {
    name: 'seccomp-newly-applied',
    cause: "the runtime's seccomp profile filters system calls from now on",
    symptom: 'EPERM on rare system calls',
    check: 'run the workload under the profile in audit mode, or watch for denials during mirroring',
    remedy: 'a profile of your own, with an SCC that allows it',
  });
};

const seccompRemoved: Rule = (change) => {
  const concerned = profiles(change).filter(({ had, has, isNew }) => !isNew && had !== undefined && has === undefined);
  if (concerned.length === 0) return [];
  return risk(namesOf(concerned), {
    name: 'seccomp-removed',
    cause: `the target does not accept a seccomp profile, so ${listed([...new Set(concerned.map(({ had }) => had ?? ''))])} is given up`,
    symptom: 'none: the pod runs with less protection',
    check: 'compare with the requirements of your platform',
    remedy: 'an SCC of your own with seccompProfiles',
    uncertain: false,
  });
};

const seccompChanged: Rule = (change) => {
  const concerned = profiles(change).filter(
    ({ had, has }) => had !== undefined && has !== undefined && !sameProfile(had, has),
  );
  if (concerned.length === 0) return [];
  const changes = concerned.map(({ had = '', has = '' }) => `${clip(had, 100)} becomes ${clip(has, 100)}`);
  return risk(namesOf(concerned), {
    name: 'seccomp-changed',
    cause: `the seccomp profile changes: ${listed([...new Set(changes)])}`,
    symptom: 'EPERM on system calls that only the old profile allowed',
    check: 'run the workload under the new profile in audit mode, or watch for denials during mirroring',
    remedy: 'an SCC of your own whose seccompProfiles lists the old profile',
  });
};

const ANNOTATED: Readonly<Record<string, string>> = {
  'runtime/default': 'RuntimeDefault',
  'docker/default': 'RuntimeDefault',
  unconfined: 'Unconfined',
};
const sameProfile = (a: string, b: string): boolean => {
  const [one, other] = [a, b].map((profile) => (ANNOTATED[profile] ?? profile).replace(/^localhost\//, 'Localhost '));
  return one === other;
};

const HOST_NAMESPACES = [
  [
    'hostNetwork',
    'clients that use the address of the node no longer reach it, and network policies begin to apply to it',
    'find who connects to the addresses of the nodes, and which ports it opens',
    'a Service, NodePort or LoadBalancer for the clients',
  ],
  [
    'hostPID',
    'processes of the node and of other pods are out of sight, for the agents and debuggers that read them',
    'find out whether the process reads /proc of others or signals them',
    'run what needs it as an agent of its own under the present SCC',
  ],
  [
    'hostIPC',
    'shared memory and semaphores of the node, and whoever exchanges data through them, are out of reach',
    'list the IPC objects that the process attaches to (ipcs)',
    'share an emptyDir with medium Memory between containers of one pod',
  ],
] as const;

const hostNamespacesWithdrawn: Rule = ({ before, after }) =>
  HOST_NAMESPACES.flatMap(([field, symptom, check, remedy]) =>
    before.spec[field] !== true || after.spec[field] === true
      ? []
      : risk([], {
          name: 'host-resources-withdrawn',
          cause: `${field} is taken away`,
          symptom,
          check,
          remedy: `${remedy}, or stay with the present SCC`,
          uncertain: false,
        }),
  );

const hostPortsOf = ({ spec }: Pod): { name: string; port: string }[] =>
  CONTAINER_LISTS.flatMap((list) => spec[list] ?? []).flatMap(({ name, ports }) =>
    (ports ?? []).flatMap((port) =>
      port.hostPort ? [{ name, port: `${port.hostPort}${port['protocol'] === 'UDP' ? '/UDP' : ''}` }] : [],
    ),
  );

const hostPortsWithdrawn: Rule = ({ before, after }) => {
  const kept = new Set(hostPortsOf(after).map(({ port }) => port));
  const lost = hostPortsOf(before).filter(({ port }) => !kept.has(port));
  const ports = [...new Set(lost.map(({ port }) => port))];
  if (ports.length === 0) return [];
  return risk([...new Set(lost.map(({ name }) => name))], {
    name: 'host-resources-withdrawn',
    cause: `${are(ports, 'the port', 'the ports')} ${listed(ports)} of the node ${are(ports, 'is', 'are')} no longer opened`,
    symptom:
      'clients that connect to the address of a node and that port are refused: load balancers, health checks, other nodes',
    check: 'find who connects to NODE:PORT, in load balancers, firewalls and scrape configurations',
    remedy: 'publish the port through a Service and move these clients to it first, or stay with the present SCC',
    uncertain: false,
  });
};

/** Everything that the target takes away from the pod as it runs, each named. */
export const WITHDRAWALS: readonly Rule[] = [
  privilegedWithdrawn,
  capabilitiesWithdrawn,
  sysctlsWithdrawn,
  groupsWithdrawn,
  seLinuxOptionsWithdrawn,
  seccompNewlyApplied,
  seccompChanged,
  seccompRemoved,
  hostNamespacesWithdrawn,
  hostPortsWithdrawn,
];
