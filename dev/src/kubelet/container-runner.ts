import { messageOf, pause } from '@scc/runtime';
import { KILLED, type End, type Execution, type Runnable } from './execution.js';
import type { KubeletContainer, KubeletPod } from './pod-schema.js';
import { probeOnce, repeat } from './probe.js';
import { configError } from './security.js';
import type { ContainerState, ContainerView } from './status.js';

const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 30_000;
const PREPARE_RETRY_MS = 300;

interface ContainerRunnerOptions {
  /** The pod's address. */
  ip: string;
  /** How the container is run; null when no registry has its image. */
  runnable: Runnable | null;
  /** Called after each change of the view. */
  changed: () => void;
  /** Holds back starts, as the stack does with a part that a test has killed. */
  hold?: { isHeld: () => boolean; released: () => Promise<void>; crashed: (name: string, end: End) => void };
}

/** Runs one container over and over, as the pod's restart policy says, and keeps its view for the status. */
export class ContainerRunner {
  readonly view: ContainerView;
  #pod: KubeletPod;
  #container: KubeletContainer;
  #options: ContainerRunnerOptions;
  #stopping = new AbortController();
  #execution: Execution | undefined;
  #probes: (() => void)[] = [];

  constructor(pod: KubeletPod, container: KubeletContainer, options: ContainerRunnerOptions) {
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
    const { runnable } = this.#options;
    if (!runnable) {
      this.#wait('ImagePullBackOff', `Back-off pulling image "${this.#container.image}"`);
      return;
    }
    const refusal = configError(this.#pod, this.#container, runnable.uid);
    if (refusal !== null) {
      this.#wait('CreateContainerConfigError', refusal);
      return;
    }
    let backoff = FIRST_BACKOFF_MS;
    for (;;) {
      await this.#untilReleased();
      await this.#prepare(runnable);
      if (this.#stops()) return;
      const startedAt = new Date().toISOString();
      const end = await this.#runOnce(runnable, startedAt);
      this.#endProbes();
      const state: ContainerState = { terminated: { ...end, startedAt, finishedAt: new Date().toISOString() } };
      this.#show({ state, ready: false, started: false });
      if (this.#stops()) return;
      if (this.#isHeld()) {
        backoff = FIRST_BACKOFF_MS;
        this.#show({ lastState: state });
      } else {
        if (!this.#restarts(end)) return;
        this.#options.hold?.crashed(this.#container.name, end);
        const message = `back-off ${backoff / 1000}s restarting failed container=${this.#container.name}`;
        this.#show({ state: { waiting: { reason: 'CrashLoopBackOff', message } }, lastState: state });
        await pause(backoff, this.#stopping.signal);
        backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS);
      }
      if (this.#stops()) return;
      this.view.restartCount++;
    }
  }

  /** Ends the container as a node does: preStop, SIGTERM, and SIGKILL when the deadline has passed. */
  async stop(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    const left = (): number => Math.max(0, deadline - performance.now());
    const preStop = this.#container.lifecycle?.preStop;
    if (this.#execution && preStop) await this.#preStop(preStop, left());
    this.#stopping.abort();
    this.#endProbes();
    await this.#execution?.stop(left());
  }

  /** Ends the container at once. */
  destroy(): void {
    this.#stopping.abort();
    this.#endProbes();
    this.#execution?.kill();
  }

  /** The pod's address. */
  get ip(): string {
    return this.#options.ip;
  }

  /** The processes that run now. */
  get execution(): Execution | undefined {
    return this.#execution;
  }

  async #runOnce(runnable: Runnable, startedAt: string): Promise<End> {
    let execution: Execution;
    try {
      execution = await runnable.start();
    } catch (error) {
      return { exitCode: 1, reason: 'Error', message: messageOf(error) };
    }
    if (this.#stops() || this.#isHeld()) {
      execution.kill();
      return KILLED;
    }
    this.#execution = execution;
    this.#show({ state: { running: { startedAt } } });
    this.#startProbes();
    const end = await execution.ended;
    this.#execution = undefined;
    return end;
  }

  async #untilReleased(): Promise<void> {
    while (this.#isHeld() && !this.#stops()) {
      this.#wait('Held', 'the stack holds this container back');
      const stopped = new Promise<void>((resolve) => this.#stopping.signal.addEventListener('abort', () => resolve()));
      await Promise.race([this.#options.hold?.released(), stopped]);
    }
  }

  /** As on a node, a volume or variable whose object is missing keeps the container waiting, with the reason. */
  async #prepare(runnable: Runnable): Promise<void> {
    while (!this.#stops()) {
      try {
        await runnable.prepare();
        return;
      } catch (error) {
        this.#wait('ContainerCreating', messageOf(error));
        await pause(PREPARE_RETRY_MS, this.#stopping.signal);
      }
    }
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
        () => probeOnce(startupProbe, this.#container, this.#options.ip, startupProbe.timeoutSeconds * 1000),
        (passed) => {
          this.#endProbes();
          if (passed) this.#startLaterProbes();
          else this.#execution?.kill({ ...KILLED, message: 'startup probe failed' });
        },
        this.#options.runnable?.eagerMs,
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
          () => probeOnce(readinessProbe, this.#container, this.#options.ip, readinessProbe.timeoutSeconds * 1000),
          (ready) => this.#show({ ready }),
          this.#options.runnable?.eagerMs,
        ),
      );
    if (livenessProbe)
      this.#probes.push(
        repeat(
          livenessProbe,
          () => probeOnce(livenessProbe, this.#container, this.#options.ip, livenessProbe.timeoutSeconds * 1000),
          (alive) => {
            if (!alive) this.#execution?.kill({ ...KILLED, message: 'liveness probe failed' });
          },
        ),
      );
  }

  #endProbes(): void {
    for (const end of this.#probes) end();
    this.#probes = [];
  }

  async #preStop(
    handler: NonNullable<NonNullable<KubeletContainer['lifecycle']>['preStop']>,
    leftMs: number,
  ): Promise<void> {
    const slept = /^sleep (\d+)$/.exec(handler.exec?.command.slice(-2).join(' ') ?? '')?.[1];
    const seconds = handler.sleep?.seconds ?? (slept === undefined ? 0 : Number(slept));
    await pause(Math.min(seconds * 1000, leftMs));
    if (handler.httpGet) await probeOnce(handler, this.#container, this.#options.ip, leftMs).catch(() => false);
  }

  #restarts({ exitCode }: End): boolean {
    const { restartPolicy } = this.#pod.spec;
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
  }

  #stops(): boolean {
    return this.#stopping.signal.aborted;
  }

  #isHeld(): boolean {
    return this.#options.hold?.isHeld() ?? false;
  }

  #wait(reason: string, message: string): void {
    this.#show({ state: { waiting: { reason, message } } });
  }

  #show(change: Partial<ContainerView>): void {
    Object.assign(this.view, change);
    this.#options.changed();
  }
}
