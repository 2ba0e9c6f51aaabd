import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { findBinaries } from './binaries/find.js';
import { serviceAccountToken, TOKEN_AUDIENCE } from './cluster/accounts.js';
import { ClusterApi } from './cluster/api.js';
import { applyAll, parseObjects, readObjects } from './cluster/manifests.js';
import { createStateDir, recordOwners, removeLeftovers } from './supervisor/leftovers.js';
import { removeMemoryGroups } from './supervisor/memory.js';
import { Inside } from './supervisor/namespace.js';
import { stackOptionsSchema, type Message, type StackOptions } from './supervisor/protocol.js';
import { addressLine, relayFrom } from './supervisor/preferred.js';
import type { Relay } from './supervisor/relay.js';
import { RELAYS, relaySocket, type RelayName } from './supervisor/relays.js';

export type { ClusterApi } from './cluster/api.js';
export { appMain, NODE, ROOT } from './paths.js';
export { TOKEN_AUDIENCE };
export { deploySamples, waitForAnswers, waitForDeployments } from './samples.js';
export { HAPROXY_MISSING, hasHaproxy } from './haproxy/find.js';
export { ROUTER_PORTS } from './haproxy/places.js';
export { startRouter } from './haproxy/start.js';
export { kubeProxyLacks, startKubeProxy } from './kube-proxy.js';
export { startLoad, type Load } from './load/load.js';
export { PLAIN_SERVICE } from './load/protocol.js';
export { deployRouted, pathsOf, removeRouted, routersHere, streamTo, type Routed } from './routed.js';
export type { StackOptions } from './supervisor/protocol.js';

/** One process of the stack, by name: etcd, kube-apiserver, istiod, envoy-gateway, worker … */
export interface StackPart {
  start: () => Promise<void>;
  /** SIGTERM, then SIGKILL after its grace. */
  stop: () => Promise<void>;
  /** SIGKILL, as a crash would. */
  kill: () => Promise<void>;
  restart: () => Promise<void>;
  signal: (signal: NodeJS.Signals) => Promise<void>;
  state: () => Promise<string>;
  logFile: string;
}

export interface Stack {
  /** Addresses on the outside loopback. */
  addresses: Record<RelayName, string>;
  /** The ports that the documentation names and that something else listens on, by address. */
  taken: Partial<Record<RelayName, number>>;
  /** Paths of kubeconfigs of the cluster's administrator, for outside and for inside the stack's network. */
  kubeconfig: { outside: string; inside: string };
  stateDir: string;
  /** The path of a program of the stack, such as kubectl. @throws Error when it has none of this name. */
  binary: (name: string) => string;
  /** The first process of the stack's namespaces, for nsenter. */
  pid: number;
  part: (name: string) => StackPart;
  /** The words that run a command inside the stack's network, for others that start it; arguments follow. */
  entering: (command: string) => string[];
  /** Runs a command inside the stack's network; it ends with this process at the latest. */
  spawn: (command: string, args: readonly string[], options?: SpawnOptions) => ChildProcess;
  /** Runs a command inside the stack's network to its end. @throws Error when its exit code is not 0. */
  exec: (command: string, args: readonly string[]) => Promise<string>;
  /** A token of a ServiceAccount; `audience` absent means the API server. */
  token: (account: { namespace: string; name: string }, audience?: string) => Promise<string>;
  /** The cluster as its administrator sees it. */
  api: ClusterApi;
  /** The cluster as the holder of a token sees it; `connections` are how many calls may run at once. */
  apiAs: (token: string, connections?: number) => ClusterApi;
  /** Applies the objects of a YAML file, of a folder's YAML files, or of a text that is YAML. */
  apply: (manifests: string) => Promise<void>;
  stop: () => Promise<void>;
}

/** Every address of the stack with its name, ready to print. */
export const relayAddressesOf = ({ addresses, taken }: Pick<Stack, 'addresses' | 'taken'>): [RelayName, string][] =>
  RELAYS.map(({ name }) => [name, addressLine(addresses[name], taken[name])]);

export interface StackEvents {
  progress?: (text: string, ms: number) => void;
  /** A part ended without being asked to. */
  exited?: (part: string, detail: string) => void;
}

/**
 * Starts the whole local stack in a network of its own; binaries that are missing are built first.
 * @throws Error with one line that says what is missing, or what did not get ready and the end of its log.
 */
export async function startStack(options: StackOptions = {}, events: StackEvents = {}): Promise<Stack> {
  const resolved = stackOptionsSchema.parse(options);
  const progress = events.progress ?? (() => undefined);
  const { binaries, crds } = await findBinaries((line) => progress(line, 0));
  await removeLeftovers();
  const stateDir = await createStateDir();
  const onMessage = (message: Message): void => {
    if (message.kind === 'progress') progress(message.text, message.ms);
    if (message.kind === 'exited') events.exited?.(message.part, message.detail);
  };
  const servers: Relay[] = [];
  let inside: Inside | undefined;
  const stop = async (): Promise<void> => {
    for (const server of servers) server.close();
    await inside?.ask({ do: 'shutdown' }).catch(() => undefined);
    await inside?.gone;
    await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
    await removeMemoryGroups();
  };
  try {
    const ports: Record<string, number> = {};
    const taken: Stack['taken'] = {};
    for (const { name, preferred } of RELAYS) {
      const server = await relayFrom(preferred, { path: relaySocket(stateDir, name) });
      servers.push(server);
      ports[name] = server.port;
      if (server.taken !== null) taken[name] = server.taken;
    }
    inside = await Inside.create(onMessage);
    await recordOwners(stateDir, [process.pid, inside.pid]);
    await inside.ask({ do: 'boot', boot: { stateDir, ports, binaries, crds, options: resolved } });
    return stackOf(inside, { stateDir, ports, taken, binaries, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Booted {
  stateDir: string;
  ports: Record<string, number>;
  taken: Stack['taken'];
  binaries: Record<string, string>;
  stop: () => Promise<void>;
}

function stackOf(inside: Inside, { stateDir, ports, taken, binaries, stop }: Booted): Stack {
  const children = new Set<ChildProcess>();
  const clients: ClusterApi[] = [];
  const apiAs: Stack['apiAs'] = (token, connections) => {
    const server = { host: '127.0.0.1', port: ports['kubernetes'] ?? 0, caFile: path.join(stateDir, 'tls', 'ca.crt') };
    const client = new ClusterApi({ ...server, token, ...(connections === undefined ? {} : { connections }) });
    clients.push(client);
    return client;
  };
  const api = apiAs(readFileSync(path.join(stateDir, 'tokens', 'admin'), 'utf8'));
  const entries = RELAYS.map(({ name, scheme }) => {
    const address = `127.0.0.1:${ports[name] ?? 0}`;
    return [name, scheme === 'grpc' ? address : `${scheme}://${address}`] as const;
  });
  return {
    addresses: Object.fromEntries(entries) as Record<RelayName, string>,
    taken,
    kubeconfig: {
      outside: path.join(stateDir, 'kubeconfig'),
      inside: path.join(stateDir, 'kubeconfigs', 'admin'),
    },
    stateDir,
    binary: (name) => {
      const found = binaries[name];
      if (found === undefined) throw new Error(`the stack has no program ${name}`);
      return found;
    },
    pid: inside.pid,
    part: (part) => {
      const ask = async (what: 'start' | 'stop' | 'kill'): Promise<void> => {
        await inside.ask({ do: what, part });
      };
      return {
        start: () => ask('start'),
        stop: () => ask('stop'),
        kill: () => ask('kill'),
        restart: async () => {
          await ask('stop');
          await ask('start');
        },
        signal: async (signal) => {
          await inside.ask({ do: 'signal', part, signal });
        },
        state: async () => (await inside.ask({ do: 'state', part })) ?? '',
        logFile: path.join(stateDir, 'logs', `${part}.log`),
      };
    },
    entering: (command) => inside.entering(command),
    spawn: (command, args, options) => {
      const child = inside.spawn(command, args, options);
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    exec: (command, args) => output(inside.spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })),
    token: (account, audience) => serviceAccountToken(api, account, audience),
    api,
    apiAs,
    apply: async (manifests) =>
      applyAll(api, manifests.includes('\n') ? parseObjects(manifests) : await readObjects(manifests)),
    stop: async () => {
      for (const client of clients) client.close();
      for (const child of children) child.kill('SIGKILL');
      await stop();
    },
  };
}

async function output(child: ChildProcess): Promise<string> {
  let out = '';
  let errors = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code ?? 'a signal'}: ${errors}`);
  return out;
}
