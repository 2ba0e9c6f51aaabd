import type { Container } from '../model/pod.js';
import { are, listed, names, type Pair, risk, type Risk, type RiskRule } from './risk.js';

const withoutPrefix = (name: string): string => name.replace(/^CAP_/, '');
const capabilitiesOf = (container: Container | undefined, list: 'add' | 'drop'): string[] =>
  (container?.securityContext?.capabilities?.[list] ?? []).map(withoutPrefix);

const dropsAll = (container: Container | undefined): boolean => capabilitiesOf(container, 'drop').includes('ALL');
export const adds = (container: Container, name: string): boolean => capabilitiesOf(container, 'add').includes(name);
export const newlyDropsAll = ({ before, after }: Pair): boolean => dropsAll(after) && !dropsAll(before);

const isPrivileged = (container: Container | undefined): boolean => container?.securityContext?.privileged === true;

/** The consequence of losing a capability, for those that workloads ask for. */
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
export const capabilitiesWithdrawn: RiskRule = ({ pairs }) => {
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

export const privilegedWithdrawn: RiskRule = ({ pairs }) => {
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
