import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pause, type Logger } from '@scc/runtime';
import { z } from 'zod';
import type { ClusterApi } from '../cluster/api.js';
import { hasCode } from '../errors.js';
import { bytesOf, memoryGroup, type MemoryGroup } from '../supervisor/memory.js';
import { relay, type Relay } from '../supervisor/relay.js';
import type { Claims } from './claims.js';
import { environmentOf, expanded } from './environment.js';
import { KILLED, OUT_OF_MEMORY, type End, type Execution, type Runnable } from './execution.js';
import type { KubeletContainer, KubeletPod } from './pod-schema.js';
import type { MachinePrograms, Program } from './program.js';
import type { PodNames } from './pod-names.js';
import { tcp } from './probe.js';
import { referencesOf, type PodPlace, type References } from './references.js';
import { sandboxScript, type Sandbox } from './sandbox.js';
import { keepsCapabilities, processIdentityOf } from './security.js';
import { Volumes, type RequestToken } from './volumes.js';

/** Where a node keeps the files of its pods, and what it lets them know. */
export interface ProcessHost {
  /** The stack's state directory: `pods/` and `logs/` are below it. */
  stateDir: string;
  /** Where the API server answers. */
  apiServer: { host: string; port: number };
  /** Programs of the machine that some images are. */
  machine?: MachinePrograms;
  /** The PersistentVolumes of all nodes; a node without them mounts no claims. */
  claims?: Claims;
  /** The pods that have a name of their own in the cluster's DNS. */
  names?: PodNames;
  /** Puts processes behind others for the processor where the stack runs in the background. */
  placed?: (command: string, args: readonly string[]) => { command: string; args: string[] };
}

interface ProcessPodOptions extends ProcessHost {
  api: Pick<ClusterApi, 'get' | 'create' | 'list'>;
  place: PodPlace;
  logger: Logger;
}

/** An argument by which a program listens everywhere, as `--ip=0.0.0.0`. */
const EVERYWHERE = /(?<=^|=)0\.0\.0\.0$/;
const LOOPBACK = '127.0.0.1';

/** The start of a stack must not wait for the next turn of a probe. */
const EAGER_MS = 200;

const isRoot = process.getuid?.() === 0;
/** Where mount, chroot and unshare are, whatever the PATH of who started the stack. */
const TOOLS = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin';

const tokenSchema = z.looseObject({
  status: z.looseObject({ token: z.string(), expirationTimestamp: z.string() }),
});
const servicesSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
    spec: z.looseObject({ clusterIP: z.string().optional() }),
  }),
);

/** A process of a container that was killed may write a last file while they are removed. */
const REMOVALS = 10;

const podFolder = (stateDir: string, uid: string, ...names: string[]): string =>
  path.join(stateDir, 'pods', uid, ...names);
const logName = (container: string): string => `${container}.log`;

/** The output of a container of a pod since the pod is there, over all its starts. */
export const logOf = (stateDir: string, uid: string, container: string): string =>
  podFolder(stateDir, uid, logName(container));

/** Runs the containers of one pod as processes: its volumes, its names, its identity. */
export class ProcessPod {
  readonly #pod: KubeletPod;
  readonly #options: ProcessPodOptions;
  readonly #volumes: Volumes;
  readonly #references: References;
  readonly #stopping = new AbortController();
  #refreshing = false;

  constructor(pod: KubeletPod, options: ProcessPodOptions) {
    this.#pod = pod;
    this.#options = options;
    const { api, place, claims } = options;
    const { namespace, uid } = pod.metadata;
    const mounter = { namespace, uid, node: pod.spec.nodeName ?? '' };
    this.#references = referencesOf(api, pod.metadata.namespace);
    this.#volumes = new Volumes(this.#folder('volumes'), {
      pod,
      place,
      references: this.#references,
      token: tokensOf(api, pod),
      ...(claims ? { claim: (name: string, readOnly: boolean) => claims.mount(api, name, mounter, readOnly) } : {}),
    });
  }

  runnable(container: KubeletContainer, program: Program): Runnable {
    let environment: Record<string, string> = {};
    const identity = processIdentityOf(this.#pod, container, program.uid);
    const owner = isRoot ? { uid: identity.uid, gid: identity.groups[0] ?? 0 } : null;
    return {
      uid: program.uid,
      eagerMs: EAGER_MS,
      prepare: async () => {
        const context = { pod: this.#pod, place: this.#options.place, references: this.#references };
        environment = await environmentOf(context, container);
        await this.#volumes.prepare(owner);
        this.#keepFresh();
      },
      start: async () => {
        const root = this.#folder('roots', container.name);
        await mkdir(root, { recursive: true });
        const memory = await this.#memoryOf(container);
        const sandbox: Sandbox = {
          root,
          memoryDoor: memory?.door ?? null,
          program,
          hosts: await this.#hosts(),
          mounts: container.volumeMounts.map(({ name, mountPath, subPath, readOnly }) => ({
            from: path.join(this.#volumes.pathOf(name), subPath),
            to: mountPath,
            readOnly: readOnly || this.#volumes.isReadOnly(name),
          })),
          readOnlyRoot: container.securityContext?.readOnlyRootFilesystem ?? false,
          user: isRoot ? { ...identity, keepsCapabilities: keepsCapabilities(container) } : null,
        };
        return this.#spawn(container, sandbox, environment, memory);
      },
    };
  }

  /** Its volumes are no longer brought up to date, and its claims are free for others. */
  stop(): void {
    this.#stopping.abort();
    this.#options.claims?.unmount(this.#pod.metadata.uid);
  }

  /** Removes the pod's files, once its containers have ended. */
  async remove(): Promise<void> {
    this.stop();
    await this.#volumes.close();
    await rm(this.#folder(), { recursive: true, force: true, maxRetries: REMOVALS });
  }

  #folder(...names: string[]): string {
    return podFolder(this.#options.stateDir, this.#pod.metadata.uid, ...names);
  }

  /** What shares the container's limit of memory; null where it has none, or where it cannot be enforced. */
  async #memoryOf({ name, resources: { limits } }: KubeletContainer): Promise<MemoryGroup | null> {
    if (limits.memory === undefined) return null;
    return memoryGroup(this.#options.stateDir, `${this.#pod.metadata.uid}-${name}`, bytesOf(limits.memory));
  }

  #spawn(
    container: KubeletContainer,
    sandbox: Sandbox,
    environment: Record<string, string>,
    memory: MemoryGroup | null,
  ): Execution {
    const { stateDir, apiServer, placed } = this.#options;
    const { program } = sandbox;
    const env: Record<string, string> = {
      ...program.env,
      KUBERNETES_SERVICE_HOST: apiServer.host,
      KUBERNETES_SERVICE_PORT: String(apiServer.port),
      HOSTNAME: this.#pod.metadata.name,
      ...environment,
    };
    const words = [...(container.command.length > 0 ? container.command : program.entrypoint), ...container.args];
    const listensAt = program.onLoopback ? LOOPBACK : this.#options.place.ip;
    const inside = [
      'sh',
      '-c',
      sandboxScript(sandbox),
      'sh',
      ...words.map((word) => expanded(word, env).replace(EVERYWHERE, listensAt)),
    ];
    const started = ['--mount', '--propagation', 'private', ...inside];
    const { command, args } = placed?.('unshare', started) ?? { command: 'unshare', args: started };
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, PATH: TOOLS, IMAGE_PATH: env['PATH'] ?? TOOLS },
    });
    const files = [path.join(stateDir, 'logs', `${container.name}.log`), this.#folder(logName(container.name))];
    const logs = files.map((file) => createWriteStream(file, { flags: 'a' }));
    for (const log of logs) for (const output of [child.stdout, child.stderr]) output.pipe(log, { end: false });
    child.once('close', () => logs.forEach((log) => log.end()));
    const execution = executionOf(child, program.stopSignal ?? 'SIGTERM', memory);
    if (program.onLoopback) void this.#passOn(container, execution.ended);
    return execution;
  }

  /** Passes on what comes to the ports of a container that listens on the loopback, once it does. */
  async #passOn(container: KubeletContainer, ended: Promise<unknown>): Promise<void> {
    const relays: Relay[] = [];
    const over = new AbortController();
    void ended.then(() => {
      over.abort();
      for (const one of relays) one.close();
    });
    for (const { containerPort: port } of container.ports) {
      const target = { host: LOOPBACK, port };
      while (!over.signal.aborted && !(await tcp(LOOPBACK, port, 1000))) await pause(EAGER_MS, over.signal);
      if (!over.signal.aborted) relays.push(await relay({ host: this.#options.place.ip, port }, target));
    }
  }

  /** Names of Services, as the cluster's DNS would have them when the container starts. */
  async #hosts(): Promise<string> {
    const services = servicesSchema.parse((await this.#options.api.list('/api/v1/services')).items);
    const lines = services.flatMap(({ metadata: { name, namespace }, spec: { clusterIP = 'None' } }) =>
      clusterIP === 'None' || clusterIP === ''
        ? []
        : [`${clusterIP} ${name}.${namespace}.svc.cluster.local ${name}.${namespace}.svc ${name}.${namespace}`],
    );
    lines.push(...(this.#options.names?.linesFor(this.#pod.metadata.namespace) ?? []));
    return `127.0.0.1 localhost\n${this.#options.place.ip} ${this.#pod.metadata.name}\n${lines.join('\n')}\n`;
  }

  #keepFresh(): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    const { signal } = this.#stopping;
    void (async () => {
      for (;;) {
        await pause(Math.max(1000, this.#volumes.nextRefreshMs()), signal);
        if (signal.aborted) return;
        await this.#volumes.refresh().catch((error: unknown) => {
          const { name } = this.#pod.metadata;
          this.#options.logger.warn({ err: error, pod: name }, 'volumes not brought up to date, trying again');
        });
      }
    })();
  }
}

/** Tokens of a pod's ServiceAccount, bound to the pod, as its node asks for them. */
export function tokensOf(api: Pick<ClusterApi, 'create'>, { metadata, spec }: KubeletPod): RequestToken {
  const account = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${spec.serviceAccountName}`;
  return async ({ audience, expirationSeconds }) => {
    const { status } = tokenSchema.parse(
      await api.create(`${account}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          expirationSeconds,
          ...(audience === undefined ? {} : { audiences: [audience] }),
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
        },
      }),
    );
    return { token: status.token, expiresAt: Date.parse(status.expirationTimestamp) };
  };
}

/** @param memory ends with its first process, as a container does */
function executionOf(child: ChildProcess, stopSignal: NodeJS.Signals, memory: MemoryGroup | null): Execution {
  let because: End | undefined;
  const ranOut = new Promise<boolean>((resolve) => {
    const end = (): void => resolve(memory?.end() ?? false);
    child.once('exit', end).once('error', end);
  });
  const alone = new Promise<End>((resolve) => {
    child.once('error', (error) => {
      const missing = hasCode(error, 'ENOENT') ? ' (package util-linux)' : '';
      resolve({ exitCode: 128, reason: 'StartError', message: `cannot run unshare${missing}: ${error.message}` });
    });
    child.once('close', (code, signal) => {
      if (because) resolve(because);
      else if (signal !== null) resolve({ ...KILLED, message: `killed by ${signal}` });
      else resolve({ exitCode: code ?? 0, reason: code === 0 ? 'Completed' : 'Error' });
    });
  });
  const ended = alone.then(async (end): Promise<End> => {
    const isOutOfMemory = await ranOut;
    return isOutOfMemory && because === undefined && end.exitCode === KILLED.exitCode ? OUT_OF_MEMORY : end;
  });
  return {
    ended,
    stop: async (graceMs) => {
      child.kill(stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
    kill: (end) => {
      because = end;
      child.kill('SIGKILL');
    },
    signal: (signal) => void child.kill(signal),
  };
}
