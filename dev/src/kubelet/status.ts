import type { KubeletPod } from './pod-schema.js';

/** The state of one container, in the words of the API. */
export type ContainerState =
  | { waiting: { reason: string; message?: string } }
  | { running: { startedAt: string } }
  | { terminated: { exitCode: number; reason: string; message?: string; startedAt: string; finishedAt: string } };

export interface ContainerView {
  name: string;
  image: string;
  state: ContainerState;
  lastState?: ContainerState;
  ready: boolean;
  started: boolean;
  restartCount: number;
}

export interface PodCondition {
  type: string;
  status: 'True' | 'False';
  reason?: string;
  message?: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

export interface PodView {
  ip: string;
  hostIp: string;
  startTime: string;
  containers: ContainerView[];
  initContainers: ContainerView[];
  /** The conditions as last written; what did not change keeps its time. */
  conditions: readonly PodCondition[];
}

/** The phase that follows from the containers' states. */
export function phaseOf(pod: KubeletPod, containers: readonly ContainerView[]): string {
  const ends = containers.flatMap(({ state }) => ('terminated' in state ? [state.terminated.exitCode] : []));
  if (ends.length === containers.length && pod.spec.restartPolicy !== 'Always')
    return ends.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  const neverRan = containers.every(({ state, lastState }) => 'waiting' in state && lastState === undefined);
  return neverRan ? 'Pending' : 'Running';
}

function conditionsOf(pod: KubeletPod, view: PodView, now: string): PodCondition[] {
  const before = new Map(view.conditions.map((condition) => [condition.type, condition]));
  const unready = view.containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const containersReady = unready.length === 0;
  const openGates = pod.spec.readinessGates.filter(
    ({ conditionType }) =>
      !pod.status.conditions.some(({ type, status }) => type === conditionType && status === 'True'),
  );
  const notReady = containersReady
    ? {
        reason: 'ReadinessGatesNotReady',
        message: `waiting for ${openGates.map((gate) => gate.conditionType).join(', ')}`,
      }
    : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const make = (type: string, holds: boolean, why: { reason: string; message: string } | null): PodCondition => {
    const status = holds ? 'True' : 'False';
    const old = before.get(type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now;
    return { type, status, lastTransitionTime, ...(holds || why === null ? {} : why) };
  };
  return [
    make('PodReadyToStartContainers', true, null),
    make('Initialized', true, null),
    make('ContainersReady', containersReady, notReady),
    make('Ready', containersReady && openGates.length === 0, notReady),
  ];
}

/** Whether somebody else changed what the kubelet wrote, as the node controller does for a node that it has lost. */
export const isOverwritten = ({ status }: KubeletPod, written: readonly PodCondition[]): boolean =>
  status.conditions.some((seen) => written.some(({ type, status }) => type === seen.type && status !== seen.status));

const containerStatus = ({ name, image, state, lastState, ready, started, restartCount }: ContainerView): object => ({
  name,
  image,
  imageID: `${image}@dev`,
  containerID: restartCount === 0 && 'waiting' in state ? '' : `dev://${name}-${restartCount}`,
  state,
  lastState: lastState ?? {},
  ready,
  started,
  restartCount,
});

/** The status that the kubelet writes, and the conditions to compare with the next time. */
export function podStatusOf(
  pod: KubeletPod,
  view: PodView,
  now: string,
): { status: object; conditions: PodCondition[] } {
  const conditions = conditionsOf(pod, view, now);
  return {
    conditions,
    status: {
      phase: phaseOf(pod, view.containers),
      hostIP: view.hostIp,
      hostIPs: [{ ip: view.hostIp }],
      podIP: view.ip,
      podIPs: [{ ip: view.ip }],
      startTime: view.startTime,
      conditions,
      containerStatuses: view.containers.map(containerStatus),
      ...(view.initContainers.length ? { initContainerStatuses: view.initContainers.map(containerStatus) } : {}),
    },
  };
}
