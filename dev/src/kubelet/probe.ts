import { get, type IncomingMessage } from 'node:http';
import { get as getSecurely } from 'node:https';
import { connect } from 'node:net';
import type { KubeletContainer, Handler, ContainerProbe } from './pod-schema.js';

/** Runs a probe's check once against a pod. A command cannot be run here and counts as passed. */
export async function probeOnce(
  handler: Handler,
  container: KubeletContainer,
  ip: string,
  timeoutMs: number,
): Promise<boolean> {
  const portOf = (port: number | string): number => {
    if (typeof port === 'number') return port;
    const named = container.ports.find(({ name }) => name === port);
    if (!named) throw new Error(`container ${container.name} has no port ${port}`);
    return named.containerPort;
  };
  if (handler.httpGet) {
    const { path, port, host = ip, scheme } = handler.httpGet;
    return httpGet(
      `${scheme.toLowerCase()}://${host}:${portOf(port)}${path.startsWith('/') ? path : `/${path}`}`,
      timeoutMs,
    );
  }
  if (handler.tcpSocket) return tcp(ip, portOf(handler.tcpSocket.port), timeoutMs);
  if (handler.grpc) return tcp(ip, handler.grpc.port, timeoutMs);
  return true;
}

/** A timer that comes this much later than asked for says that this process had no time to read an answer. */
const LATE_MS = 25;

/** Ends a wait after its time; one that this process was itself too busy to attend to is given its time once more. */
function overAfter(timeoutMs: number, end: () => void): NodeJS.Timeout {
  const dueMs = performance.now() + timeoutMs;
  const timer: NodeJS.Timeout = setTimeout(() => {
    if (performance.now() - dueMs < LATE_MS) end();
    else setTimeout(end, timeoutMs);
  }, timeoutMs);
  return timer;
}

/** A kubelet does not check the certificate of a probe over HTTPS. */
const httpGet = (url: string, timeoutMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const answered = (response: IncomingMessage): void => {
      clearTimeout(timer);
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400);
    };
    const request = url.startsWith('https:')
      ? getSecurely(url, { agent: false, rejectUnauthorized: false }, answered)
      : get(url, { agent: false }, answered);
    const timer = overAfter(timeoutMs, () => request.destroy());
    request.on('error', () => {
      clearTimeout(timer);
      resolve(false);
    });
  });

/** Whether a TCP connection is taken. */
export const tcp = (host: string, port: number, timeoutMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (passed: boolean) => () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(passed);
    };
    const timer = overAfter(timeoutMs, end(false));
    socket.once('connect', end(true)).once('error', end(false));
  });

/**
 * Repeats a probe and tells each change of its verdict, by its thresholds. Returns the function that ends it.
 * @param eagerMs asks this often until it first passes; failures between the probe's own times do not count
 */
export function repeat(
  probe: ContainerProbe,
  run: () => Promise<boolean>,
  onVerdict: (passed: boolean) => void,
  eagerMs?: number,
): () => void {
  const periodMs = probe.periodSeconds * 1000;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  let streak = 0;
  let last: boolean | undefined;
  let hasPassed = false;
  let countedAt = -Infinity;
  const tick = async (): Promise<void> => {
    const passed = await run().catch(() => false);
    if (ended) return;
    hasPassed ||= passed;
    const waitMs = eagerMs === undefined || hasPassed ? periodMs : Math.min(eagerMs, periodMs);
    if (passed || performance.now() - countedAt >= periodMs - 1 || waitMs === periodMs) {
      countedAt = performance.now();
      streak = passed === last ? streak + 1 : 1;
      last = passed;
      if (streak === (passed ? probe.successThreshold : probe.failureThreshold)) onVerdict(passed);
    }
    timer = setTimeout(() => void tick(), waitMs);
  };
  timer = setTimeout(() => void tick(), probe.initialDelaySeconds * 1000);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
