import { isConflict, isNotFound } from '@scc/kube';
import { pause, type Logger } from '@scc/runtime';
import { z } from 'zod';
import type { Server } from 'node:https';
import type { ClusterApi } from '../cluster/api.js';
import { LOGS_PORT, serveLogs } from './logs.js';
import { kubeletPodSchema, type KubeletPod } from './pod-schema.js';
import { PodRunner, type PodHost } from './pod-runner.js';
import { logOf } from './process.js';

const LEASE_SECONDS = 40;
const HEARTBEAT_MS = 10_000;
const RETRY_MS = 500;
const MAX_PODS = 200;
const FIRST_HOST = 2;

const namedSchema = z.looseObject({ metadata: z.looseObject({ uid: z.string() }) });

interface NodeRunnerOptions extends PodHost {
  api: ClusterApi;
  logger: Logger;
  /** The certificate by which the node answers for the logs of its pods. */
  tls: { cert: string; key: string };
  /** Keeps away pods that do not ask for this node. */
  taint?: string;
}

/** Plays the kubelet of one Node: registers it, keeps it alive, and runs the pods that are bound to it. */
export class NodeRunner {
  readonly name: string;
  #api: ClusterApi;
  #options: NodeRunnerOptions;
  #logger: Logger;
  /** The third octet of the node's and its pods' addresses. */
  #subnet: number;
  #pods = new Map<string, PodRunner>();
  #nextHost = FIRST_HOST;
  #stopping = new AbortController();
  #logs: Server | undefined;

  constructor(name: string, index: number, options: NodeRunnerOptions) {
    this.name = name;
    this.#api = options.api;
    this.#options = options;
    this.#logger = options.logger.child({ node: name });
    this.#subnet = index + 1;
  }

  get #ip(): string {
    return `10.244.${this.#subnet}.1`;
  }

  /** Registers the node; its heartbeats and its pods then go on in the background until `stop`. */
  async start(): Promise<void> {
    this.#logs = await serveLogs(this.#ip, this.#options.tls, ({ namespace, name, container }) => {
      const pod = [...this.#pods].find(([, runner]) => runner.isOf(namespace, name));
      return pod && logOf(this.#options.processes.stateDir, pod[0], container);
    });
    const uid = await this.#register();
    void this.#heartbeat(uid);
    void this.#watchPods();
  }

  stop(): void {
    this.#stopping.abort();
    this.#logs?.close();
    for (const pod of this.#pods.values()) pod.destroy();
    this.#api.close();
  }

  async #register(): Promise<string> {
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: this.name,
        labels: {
          'kubernetes.io/hostname': this.name,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
        },
      },
      spec: {
        podCIDR: `10.244.${this.#subnet}.0/24`,
        ...(this.#options.taint === undefined ? {} : { taints: [{ key: this.#options.taint, effect: 'NoSchedule' }] }),
      },
      status: this.#status(),
    };
    try {
      return namedSchema.parse(await this.#api.create('/api/v1/nodes', node)).metadata.uid;
    } catch (error) {
      if (!isConflict(error)) throw error;
      await this.#writeStatus();
      return namedSchema.parse(await this.#api.get(`/api/v1/nodes/${this.name}`)).metadata.uid;
    }
  }

  #status(): object {
    const now = new Date().toISOString();
    const condition = (type: string, holds: boolean, reason: string): object => ({
      ...{ type, status: holds ? 'True' : 'False', reason, message: reason },
      ...{ lastHeartbeatTime: now, lastTransitionTime: now },
    });
    const resources = { cpu: '32', memory: '64Gi', pods: String(MAX_PODS), 'ephemeral-storage': '100Gi' };
    return {
      capacity: resources,
      allocatable: resources,
      addresses: [
        { type: 'InternalIP', address: this.#ip },
        { type: 'Hostname', address: this.name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: LOGS_PORT } },
      conditions: [
        condition('Ready', true, 'KubeletReady'),
        condition('MemoryPressure', false, 'KubeletHasSufficientMemory'),
        condition('DiskPressure', false, 'KubeletHasNoDiskPressure'),
        condition('PIDPressure', false, 'KubeletHasSufficientPID'),
      ],
      nodeInfo: {
        ...{ machineID: this.name, systemUUID: this.name, bootID: this.name, kernelVersion: 'dev', osImage: 'dev' },
        ...{ containerRuntimeVersion: 'dev://1', kubeletVersion: 'v1.36.3', kubeProxyVersion: '' },
        ...{ operatingSystem: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch },
      },
    };
  }

  async #writeStatus(): Promise<void> {
    const path = `/api/v1/nodes/${this.name}/status`;
    await this.#api.call('PATCH', path, { status: this.#status() }, 'application/strategic-merge-patch+json');
  }

  async #heartbeat(uid: string): Promise<void> {
    const collection = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    while (!this.#stopping.signal.aborted) {
      const spec = {
        holderIdentity: this.name,
        leaseDurationSeconds: LEASE_SECONDS,
        renewTime: new Date().toISOString().replace('Z', '000Z'),
      };
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: this.name, uid }];
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: this.name, ownerReferences },
        spec,
      };
      try {
        await this.#api.merge(`${collection}/${this.name}`, { spec }).catch(async (error: unknown) => {
          if (!isNotFound(error)) throw error;
          await this.#api.create(collection, lease);
        });
        await this.#writeStatus();
      } catch (error) {
        this.#logger.warn({ err: error }, 'heartbeat not written');
      }
      await pause(HEARTBEAT_MS, this.#stopping.signal);
    }
  }

  /** Lists, then follows the changes; an interrupted watch starts over with a list, so nothing is missed. */
  async #watchPods(): Promise<void> {
    const path = `/api/v1/pods?fieldSelector=spec.nodeName%3D${this.name}`;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#listAndWatch(path).catch((error: unknown) => {
        if (!signal.aborted) this.#logger.warn({ err: error }, 'watch of pods ended, listing again');
      });
      await pause(RETRY_MS, signal);
    }
  }

  async #listAndWatch(path: string): Promise<void> {
    const { items, resourceVersion } = await this.#api.list(path);
    const pods = items.map((item) => kubeletPodSchema.parse(item));
    const seen = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const [uid, runner] of this.#pods) if (!seen.has(uid)) runner.destroy();
    for (const pod of pods) this.#sync(pod);
    for await (const { type, object } of this.#api.watch(path, resourceVersion, this.#stopping.signal)) {
      const pod = kubeletPodSchema.parse(object);
      if (type === 'DELETED') this.#pods.get(pod.metadata.uid)?.destroy();
      else this.#sync(pod);
    }
  }

  #sync(pod: KubeletPod): void {
    const { uid } = pod.metadata;
    const running = this.#pods.get(uid);
    if (running) {
      running.update(pod);
      return;
    }
    if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') {
      if (pod.metadata.deletionTimestamp === undefined) return;
    }
    const runner = new PodRunner(pod, {
      ...this.#options,
      logger: this.#logger,
      ip: this.#ipFor(pod),
      hostIp: this.#ip,
      onEnd: () => this.#pods.delete(uid),
    });
    this.#pods.set(uid, runner);
    if (pod.metadata.deletionTimestamp === undefined) runner.start();
    else runner.update(pod);
  }

  /** A pod that ran before this kubelet did keeps its address. */
  #ipFor({ status: { podIP } }: KubeletPod): string {
    return podIP?.startsWith(`10.244.${this.#subnet}.`) ? podIP : this.#freeIp();
  }

  /** Addresses go round, so that one is not given again while proxies may still know its last owner. */
  #freeIp(): string {
    const used = new Set([...this.#pods.values()].map(({ ip }) => ip));
    for (let tried = 0; tried < 250; tried++) {
      const host = this.#nextHost;
      this.#nextHost = host >= 254 ? FIRST_HOST : host + 1;
      const ip = `10.244.${this.#subnet}.${host}`;
      if (!used.has(ip)) return ip;
    }
    throw new Error(`node ${this.name} has no free pod address`);
  }
}
