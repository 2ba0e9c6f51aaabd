import { messageOf, pause, within } from '@scc/runtime';
import { SCC_ANNOTATION } from '@scc/scc';
import { behaviourOf, imageOf, type Behaviour, type Image } from './behaviour.js';
import type { Container, Pod } from './pod-schema.js';
import { check, repeat } from './probe.js';
import { configError } from './security.js';
import type { Server, Serving } from './serving.js';
import type { ContainerState, ContainerView } from './status.js';

const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 30_000;

interface End {
  exitCode: number;
  reason: string;
  message?: string;
}

interface ContainerRunnerOptions {
  /** The pod's address. */
  ip: string;
  serving: Serving;
  /** Called after each change of the view. */
  changed: () => void;
}

/** Runs one container over and over, as the pod's restart policy says, and keeps its view for the status. */
export class ContainerRunner {
  readonly view: ContainerView;
  #pod: Pod;
  #container: Container;
  #options: ContainerRunnerOptions;
  #stopping = new AbortController();
  #server: Server | undefined;
  #behaviour: Behaviour | undefined;
  #end: ((end: End) => void) | undefined;
  #probes: (() => void)[] = [];

  constructor(pod: Pod, container: Container, options: ContainerRunnerOptions) {
    this.#pod = pod;
    this.#container = container;
    this.#options = options;
    const { name, image } = container;
    const state = { waiting: { reason: 'ContainerCreating' } };
    const before = pod.status.containerStatuses.find((status) => status.name === name);
    const restartCount = before ? before.restartCount + 1 : 0;
    this.view = { name, image, state, ready: false, started: false, restartCount };
  }

  /** Runs until the container ends for good or is stopped. */
  async run(): Promise<void> {
    const image = imageOf(this.#container.image);
    if (!image) {
      this.#wait('ImagePullBackOff', `Back-off pulling image "${this.#container.image}"`);
      return;
    }
    const refusal = configError(this.#pod, this.#container, image.uid);
    if (refusal !== null) {
      this.#wait('CreateContainerConfigError', refusal);
      return;
    }
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS)) {
      const startedAt = new Date().toISOString();
      const end = await this.#runOnce(image, startedAt);
      this.#endProbes();
      const state: ContainerState = { terminated: { ...end, startedAt, finishedAt: new Date().toISOString() } };
      this.#show({ state, ready: false, started: false });
      if (this.#stops() || !this.#restarts(end)) return;
      const message = `back-off ${backoff / 1000}s restarting failed container=${this.#container.name}`;
      this.#show({ state: { waiting: { reason: 'CrashLoopBackOff', message } }, lastState: state });
      await pause(backoff, this.#stopping.signal);
      if (this.#stops()) return;
      this.view.restartCount++;
    }
  }

  /**
   * Ends the container as a node does: preStop, SIGTERM, and SIGKILL when the deadline has passed. The process goes on
   * serving for its own drain time after SIGTERM, then answers what is under way.
   */
  async stop(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    const left = (): number => Math.max(0, deadline - performance.now());
    const running = this.#server !== undefined;
    const preStop = this.#container.lifecycle?.preStop;
    if (running && preStop) await this.#preStop(preStop, left());
    this.#stopping.abort();
    this.#endProbes();
    const server = this.#server;
    if (server) {
      server.drain();
      await pause(Math.min(this.#behaviour?.drainMs ?? 0, left()));
      await within(server.close(), left());
      server.destroy();
    }
    this.#end?.({ exitCode: 0, reason: 'Completed' });
  }

  /** Ends the container at once. */
  destroy(): void {
    this.#stopping.abort();
    this.#endProbes();
    this.#server?.destroy();
    this.#end?.({ exitCode: 137, reason: 'Error' });
  }

  async #runOnce(image: Image, startedAt: string): Promise<End> {
    const behaviour = behaviourOf(this.#pod, this.#container, image);
    this.#behaviour = behaviour;
    if (behaviour.dies !== null) return { exitCode: 1, reason: 'Error', message: behaviour.dies };
    const { serving, ip } = this.#options;
    let server: Server;
    try {
      server = await serving.listen({ host: ip, behaviour, headers: this.#headers(behaviour) });
    } catch (error) {
      return { exitCode: 1, reason: 'Error', message: messageOf(error) };
    }
    if (this.#stops()) {
      server.destroy();
      return { exitCode: 137, reason: 'Error' };
    }
    this.#server = server;
    const ended = new Promise<End>((resolve) => (this.#end = resolve));
    this.#show({ state: { running: { startedAt } } });
    this.#startProbes();
    const oom = this.#outOfMemory(behaviour);
    const end = await ended;
    clearTimeout(oom);
    server.destroy();
    this.#server = undefined;
    this.#end = undefined;
    return end;
  }

  #outOfMemory({ oomAfterMs }: Behaviour): NodeJS.Timeout | undefined {
    if (!Number.isFinite(oomAfterMs)) return undefined;
    return setTimeout(() => this.#end?.({ exitCode: 137, reason: 'OOMKilled' }), oomAfterMs);
  }

  #headers({ identity }: Behaviour): Record<string, string> {
    const { name, annotations } = this.#pod.metadata;
    return { 'x-pod': name, 'x-scc': annotations[SCC_ANNOTATION] ?? 'none', 'x-uid': String(identity.uid) };
  }

  #startProbes(): void {
    const { startupProbe } = this.#container;
    if (!startupProbe) {
      this.#startLaterProbes();
      return;
    }
    this.#probes.push(
      repeat(
        startupProbe,
        () => check(startupProbe, this.#container, this.#options.ip, startupProbe.timeoutSeconds * 1000),
        (passed) => {
          this.#endProbes();
          if (passed) this.#startLaterProbes();
          else this.#end?.({ exitCode: 137, reason: 'Error', message: 'startup probe failed' });
        },
      ),
    );
  }

  #startLaterProbes(): void {
    const { readinessProbe, livenessProbe } = this.#container;
    this.#show({ started: true, ready: readinessProbe === undefined });
    if (readinessProbe)
      this.#probes.push(
        repeat(
          readinessProbe,
          () => check(readinessProbe, this.#container, this.#options.ip, readinessProbe.timeoutSeconds * 1000),
          (ready) => this.#show({ ready }),
        ),
      );
    if (livenessProbe)
      this.#probes.push(
        repeat(
          livenessProbe,
          () => check(livenessProbe, this.#container, this.#options.ip, livenessProbe.timeoutSeconds * 1000),
          (alive) => {
            if (!alive) this.#end?.({ exitCode: 137, reason: 'Error', message: 'liveness probe failed' });
          },
        ),
      );
  }

  #endProbes(): void {
    for (const end of this.#probes) end();
    this.#probes = [];
  }

  async #preStop(handler: NonNullable<NonNullable<Container['lifecycle']>['preStop']>, leftMs: number): Promise<void> {
    const slept = /^sleep (\d+)$/.exec(handler.exec?.command.slice(-2).join(' ') ?? '')?.[1];
    const seconds = handler.sleep?.seconds ?? (slept === undefined ? 0 : Number(slept));
    await pause(Math.min(seconds * 1000, leftMs));
    if (handler.httpGet) await check(handler, this.#container, this.#options.ip, leftMs).catch(() => false);
  }

  #restarts({ exitCode }: End): boolean {
    const { restartPolicy } = this.#pod.spec;
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
  }

  #stops(): boolean {
    return this.#stopping.signal.aborted;
  }

  #wait(reason: string, message: string): void {
    this.#show({ state: { waiting: { reason, message } } });
  }

  #show(change: Partial<ContainerView>): void {
    Object.assign(this.view, change);
    this.#options.changed();
  }
}
