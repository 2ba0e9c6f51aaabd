import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasCode } from '../errors.js';

const exec = promisify(execFile);

async function ip(...args: string[]): Promise<void> {
  await exec('ip', args).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT'))
      throw new Error('the program ip is needed for the local stack: install the package iproute2');
    throw error;
  });
}

/** Routes by which the kernel takes every pod and service address for its own (AnyIP). */
const LOCAL_RANGES = ['10.244.0.0/16', '10.96.0.0/16'];

/** Brings up loopback and the pod range in the network namespace that this process is alone in. */
export async function setUpNetwork(): Promise<void> {
  await ip('link', 'set', 'lo', 'up');
  for (const range of LOCAL_RANGES) await ip('route', 'add', 'local', range, 'dev', 'lo');
  // Pods that may bind a low port are told apart by the dev kubelet, not by who runs the stack. Root needs no sysctl.
  await writeFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0').catch((error: unknown) => {
    if (process.getuid?.() !== 0) throw error;
  });
}
