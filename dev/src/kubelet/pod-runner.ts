import type { Logger } from '@scc/runtime';
import { isConflict, isNotFound } from '@scc/kube';
import type { ClusterApi } from '../cluster/api.js';
import { imageOf } from './behaviour.js';
import { ContainerRunner } from './container-runner.js';
import type { Runnable } from './execution.js';
import type { KubeletContainer, KubeletPod } from './pod-schema.js';
import { ProcessPod, type ProcessHost } from './process.js';
import { programOf } from './program.js';
import { servedContainer } from './served.js';
import type { Serving } from './serving.js';
import { isOverwritten, podStatusOf, type PodCondition, type ContainerView } from './status.js';
import { PART_LABEL, type WorkloadContainers } from './workloads.js';

const RETRY_MS = 200;

/** How the pods of a node are run. */
export interface PodHost {
  /** Serves the images that are behaviours; a node without one runs none of them. */
  serving?: Serving;
  processes: ProcessHost;
  /** Who starts and stops parts by name. */
  workloads?: WorkloadContainers;
}

interface PodRunnerOptions extends PodHost {
  api: ClusterApi;
  logger: Logger;
  ip: string;
  hostIp: string;
  /** Called once, when the pod is gone from the API or was stopped. */
  onEnd: () => void;
}

/** Runs one pod: its containers, its status in the API, and its end. */
export class PodRunner {
  readonly ip: string;
  #pod: KubeletPod;
  #options: PodRunnerOptions;
  #containers: ContainerRunner[];
  #processes: ProcessPod;
  #conditions: readonly PodCondition[] = [];
  #startTime = new Date().toISOString();
  #dirty = false;
  #flushing = false;
  #terminating = false;
  #ended = false;

  constructor(pod: KubeletPod, options: PodRunnerOptions) {
    this.#pod = pod;
    this.#options = options;
    this.ip = options.ip;
    const { api, ip, hostIp, logger, processes, workloads } = options;
    processes.names?.add(pod, ip);
    this.#processes = new ProcessPod(pod, { ...processes, api, logger, place: { ip, hostIp } });
    const part = pod.metadata.labels[PART_LABEL] ?? '';
    const hold = workloads && {
      isHeld: () => workloads.isHeld(part),
      released: () => workloads.released(part),
      crashed: workloads.crashed,
    };
    this.#containers = pod.spec.containers.map(
      (container) =>
        new ContainerRunner(pod, container, {
          ip,
          runnable: this.#runnable(container),
          changed: () => this.#mark(),
          ...(hold ? { hold } : {}),
        }),
    );
    for (const container of this.#containers) workloads?.add(part, container);
  }

  /** How the image of a container is run; null when nobody knows it. */
  #runnable(container: KubeletContainer): Runnable | null {
    const { serving, ip } = this.#options;
    const program = programOf(container.image, this.#options.processes.machine);
    if (program) return this.#processes.runnable(container, program);
    const image = imageOf(container.image);
    return image && serving ? servedContainer(this.#pod, container, { image, ip, serving }) : null;
  }

  /** Whether it is the pod of this name. */
  isOf(namespace: string, name: string): boolean {
    const { metadata } = this.#pod;
    return metadata.namespace === namespace && metadata.name === name;
  }

  start(): void {
    this.#mark();
    for (const container of this.#containers) void container.run();
  }

  /** Takes the pod as the API shows it now; a deletion begins its end. */
  update(pod: KubeletPod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) void this.#terminate(pod);
    else if (pod.spec.readinessGates.length > 0 || isOverwritten(pod, this.#conditions)) this.#mark();
  }

  /** Ends everything at once: the pod is gone from the API, or the kubelet stops. */
  destroy(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#processes.stop();
    this.#options.processes.names?.remove(this.#pod, this.ip);
    const part = this.#pod.metadata.labels[PART_LABEL] ?? '';
    for (const container of this.#containers) {
      container.destroy();
      this.#options.workloads?.remove(part, container);
    }
    this.#options.onEnd();
  }

  async #terminate({ metadata, spec }: KubeletPod): Promise<void> {
    if (this.#terminating) return;
    this.#terminating = true;
    const graceMs = (metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds) * 1000;
    await Promise.all(this.#containers.map((container) => container.stop(graceMs)));
    await this.#processes.remove();
    const { api } = this.#options;
    const preconditions = { uid: metadata.uid };
    for (;;) {
      try {
        await api.call('DELETE', this.#path(), { gracePeriodSeconds: 0, preconditions });
        break;
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) break;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.destroy();
  }

  #path(): string {
    const { namespace, name } = this.#pod.metadata;
    return `/api/v1/namespaces/${namespace}/pods/${name}`;
  }

  #mark(): void {
    this.#dirty = true;
    if (!this.#flushing) void this.#flush();
  }

  /** Writes the newest status; changes that come meanwhile are written together afterwards. */
  async #flush(): Promise<void> {
    this.#flushing = true;
    while (this.#dirty && !this.#ended) {
      this.#dirty = false;
      const { status, conditions } = podStatusOf(this.#pod, this.#view(), new Date().toISOString());
      try {
        const body = { metadata: { uid: this.#pod.metadata.uid }, status };
        await this.#options.api.call('PATCH', `${this.#path()}/status`, body, 'application/strategic-merge-patch+json');
        this.#conditions = conditions;
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) break;
        this.#options.logger.warn({ err: error, pod: this.#pod.metadata.name }, 'status not written, trying again');
        this.#dirty = true;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.#flushing = false;
  }

  #view(): Parameters<typeof podStatusOf>[1] {
    const initContainers = this.#pod.spec.initContainers.map(({ name, image }): ContainerView => {
      const at = this.#startTime;
      const state = { terminated: { exitCode: 0, reason: 'Completed', startedAt: at, finishedAt: at } };
      return { name, image, state, ready: true, started: false, restartCount: 0 };
    });
    return {
      ip: this.ip,
      hostIp: this.#options.hostIp,
      startTime: this.#startTime,
      containers: this.#containers.map(({ view }) => view),
      initContainers,
      conditions: this.#conditions,
    };
  }
}
