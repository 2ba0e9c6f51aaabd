import path from 'node:path';
import type { Program } from './program.js';

/** A folder of the machine inside a container. */
interface Mount {
  from: string;
  to: string;
  readOnly: boolean;
}

export interface Sandbox {
  /** An empty folder that becomes the container's root. */
  root: string;
  program: Program;
  mounts: readonly Mount[];
  /** The text of /etc/hosts. */
  hosts: string;
  readOnlyRoot: boolean;
  /** Null where processes keep the user who started the stack. */
  user: { uid: number; groups: readonly number[]; keepsCapabilities: boolean } | null;
  /** The file by which it joins those who share its limit of memory; null where there is none. */
  memoryDoor: string | null;
}

/** Folders of the machine that programs need: shared libraries, and what the kernel shows. */
const OF_THE_MACHINE = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'nix', 'proc', 'dev', 'sys'];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * A shell script that makes a container's file system in a mount namespace of its own and runs its arguments there:
 * the image's folders, read-only libraries of the machine, and the pod's volumes. It ends with its parent.
 */
export function sandboxScript({ root, program, mounts, hosts, readOnlyRoot, user, memoryDoor }: Sandbox): string {
  const inside = (target: string): string => quoted(path.join(root, target));
  const bind = (from: string, to: string, readOnly: boolean): string[] => [
    `mkdir -p ${inside(to)}`,
    `mount --rbind ${quoted(from)} ${inside(to)}`,
    // An ordinary user may not tighten every mount; its processes have no more rights than it has anyway.
    ...(readOnly ? [`mount -o remount,bind,ro ${inside(to)} 2>/dev/null || ${user ? 'exit 125' : ':'}`] : []),
  ];
  const lines = [
    'set -e',
    ...(memoryDoor === null
      ? []
      : [`echo 0 > ${quoted(memoryDoor)} || echo 'the limit of memory is not enforced' >&2`]),
    `mount -t tmpfs -o size=16m,mode=755 pod ${quoted(root)}`,
    `cd ${quoted(root)}`,
    `for d in ${OF_THE_MACHINE.join(' ')}; do`,
    '  if [ -L /$d ]; then cp -P /$d $d; elif [ -d /$d ]; then mkdir $d; mount --rbind /$d $d; fi',
    'done',
    'mkdir -p etc run tmp var; ln -s ../run var/run',
    `printf %s ${quoted(hosts)} > etc/hosts`,
    "echo 'hosts: files dns' > etc/nsswitch.conf",
    `printf '%s\\n' ${['root:x:0:0::/:', ...(program.passwd === undefined ? [] : [program.passwd])].map(quoted).join(' ')} > etc/passwd`,
    "printf 'root:x:0:\\n' > etc/group",
    '[ ! -e /etc/ld.so.cache ] || cp /etc/ld.so.cache etc/',
    ...Object.entries(program.folders).flatMap(([to, from]) => bind(from, to, true)),
    ...Object.entries(program.files).map(([to, from]) => `cp ${quoted(from)} ${inside(to)}`),
    ...mounts.flatMap(({ from, to, readOnly }) => bind(from, realTarget(to), readOnly)),
    ...(readOnlyRoot ? [`mount -o remount,ro ${quoted(root)}`] : []),
    `exec chroot ${quoted(root)} /usr/bin/env --chdir=${quoted(program.workingDir)} -u IMAGE_PATH PATH="$IMAGE_PATH" setpriv ${privileges(user).join(' ')} "$@"`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Below the link that /var/run is. */
const realTarget = (to: string): string => to.replace(/^\/var\/run(?=\/|$)/, '/run');

/** Those that a container runtime gives to root unless they are dropped; any other user has none of them. */
const DEFAULT_CAPABILITIES = [
  ...['chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap', 'net_bind_service'],
  ...['sys_chroot', 'setfcap'],
];

const boundingSet = (user: Sandbox['user']): string =>
  ['-all', ...(user?.uid === 0 && user.keepsCapabilities ? DEFAULT_CAPABILITIES.map((name) => `+${name}`) : [])].join();

const privileges = (user: Sandbox['user']): string[] => [
  ...(user
    ? [
        `--reuid=${user.uid}`,
        `--regid=${user.groups[0] ?? 0}`,
        user.groups.length > 1 ? `--groups=${user.groups.slice(1).join(',')}` : '--clear-groups',
      ]
    : []),
  ...[
    '--no-new-privs',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    `--bounding-set=${boundingSet(user)}`,
    '--pdeathsig=KILL',
  ],
];
