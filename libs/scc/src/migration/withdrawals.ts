import { CONTAINER_LISTS, type Pod } from '../model/pod.js';
import { capabilitiesWithdrawn, privilegedWithdrawn } from './capabilities.js';
import { are, type Compared, listed, type Pair, risk, type RiskRule } from './risk.js';
import { seccompChanged, seccompNewlyApplied, seccompRemoved } from './seccomp.js';

const sysctlsOf = ({ spec }: Pod): string[] => (spec.securityContext?.sysctls ?? []).map(({ name }) => name);

const sysctlsWithdrawn: RiskRule = ({ before, after }) => {
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

const groupsWithdrawn: RiskRule = ({ before, after }) => {
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

const seLinuxOptionsWithdrawn: RiskRule = (change) => {
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
    'shared memory and semaphores of the node are out of reach, and so is every process that exchanges data through them',
    'list the IPC objects that the process attaches to (ipcs)',
    'share an emptyDir with medium Memory between containers of one pod',
  ],
] as const;

const hostNamespacesWithdrawn: RiskRule = ({ before, after }) =>
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

const hostPortsWithdrawn: RiskRule = ({ before, after }) => {
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
export const WITHDRAWALS: readonly RiskRule[] = [
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
