import { type ChildProcess, execFileSync, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { KUBE_PROXY } from './binaries/catalogue.js';
import { foundProgram } from './binaries/program.js';

/** What kube-proxy needs of the machine in nftables mode: the Debian packages of these names have the programs. */
const NEEDED = { nft: 'nftables', conntrack: 'conntrack' } as const;

const runs = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore', env: { ...process.env, PATH: withSbin() } });
    return true;
  } catch {
    return false;
  }
};
const withSbin = (): string => `${process.env['PATH'] ?? ''}:/usr/sbin`;

/** Why this machine cannot run kube-proxy, as the sentence of a test that did not look; null where it can. */
export function kubeProxyLacks(): string | null {
  if (process.getuid?.() !== 0) return 'kube-proxy needs root, so that nothing was tried with it';
  const lacking = Object.entries(NEEDED).flatMap(([program, debian]) => (runs(program) ? [] : [debian]));
  return lacking.length === 0
    ? null
    : `kube-proxy lacks programs (Debian: apt-get install ${lacking.join(' ')}), so that nothing was tried with it`;
}

interface ProxiedStack {
  stateDir: string;
  spawn: (command: string, args: readonly string[], options?: SpawnOptions) => ChildProcess;
  exec: (command: string, args: readonly string[]) => Promise<string>;
}

const HEALTH = '127.0.0.1:10256';
/**
 * Pods and Services: a caller of the stack has the address that it calls as its own. Connections from outside would be
 * masqueraded, and loopback has no address for that, so that they would be dropped.
 */
const CALLERS = '10.0.0.0/8';

/**
 * Starts kube-proxy in nftables mode inside a stack's network: from here on the kernel divides the connections to every
 * Service, and the stack's own relay gets none, until it is stopped.
 */
export async function startKubeProxy(
  stack: ProxiedStack,
  progress: (line: string) => void = () => undefined,
): Promise<{ stop: () => Promise<void> }> {
  const program = await foundProgram(KUBE_PROXY, progress);
  const log = createWriteStream(path.join(stack.stateDir, 'logs', 'kube-proxy.log'));
  const child = stack.spawn(
    program,
    [
      ...['--kubeconfig', path.join(stack.stateDir, 'kubeconfigs', 'kube-proxy'), '--hostname-override', 'node-1'],
      ...['--proxy-mode', 'nftables', '--cluster-cidr', CALLERS, '--bind-address', '127.0.0.1'],
      ...['--healthz-bind-address', HEALTH, '--metrics-bind-address', '127.0.0.1:10249'],
      // The sysctls of a network namespace of this kind cannot be written.
      ...['--conntrack-max-per-core', '0', '--conntrack-min', '0', '--conntrack-tcp-timeout-established', '0s'],
      ...['--conntrack-tcp-timeout-close-wait', '0s'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: withSbin() } },
  );
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  const asked = ['-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${HEALTH}/healthz`];
  await waitFor(async () => (await stack.exec('curl', asked).catch(() => '')) === '200', {
    timeoutMs: 60_000,
    everyMs: 200,
    what: 'kube-proxy to be healthy',
  });
  return {
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      // It leaves its rules to the next one, which never comes.
      for (const family of ['ip', 'ip6'])
        await stack.exec('nft', ['delete', 'table', family, 'kube-proxy']).catch(() => undefined);
    },
  };
}
