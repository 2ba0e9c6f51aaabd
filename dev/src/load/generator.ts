import { randomUUID } from 'node:crypto';
import { Agent, request, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { PLAIN_SERVICE, type ResolvedLoad } from './protocol.js';
import { ROUTER_PORTS } from '../haproxy/places.js';
import { Records, type Outcome } from './records.js';

type Stream = ResolvedLoad['streams'][number];

/** Where the two ways into the mesh, and the router of OpenShift's Routes, listen inside the stack's network, and a plain Service. */
export const ENTRANCES = {
  ingress: { host: '127.0.0.1', port: 15080 },
  sidecar: { host: '127.0.0.80', port: 80 },
  router: { host: '127.0.0.1', port: ROUTER_PORTS.http },
  service: { host: PLAIN_SERVICE, port: 80 },
};
type Entrances = Record<Stream['via'], { host: string; port: number }>;
const TICK_MS = 2;
const BODY = '{"amount":1}';
const SAID_LENGTH = 200;

interface End {
  status: number;
  error: string | null;
  response?: IncomingMessage;
  said?: string;
}

const text = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');

/**
 * Sends requests at a set rate, whether or not earlier ones were answered (an open loop), and measures each from the
 * moment when it was due: a server that stalls shows in every request that waited for it.
 */
export class Generator {
  readonly records = new Records();
  #options: ResolvedLoad;
  #entrances: Entrances;
  #agents: Record<Stream['via'], Agent>;
  #timer: NodeJS.Timeout | undefined;
  #open = new Map<number, (reason: string) => void>();
  #nextId = 0;
  /** No two loads give their writes the same names. */
  readonly #run = randomUUID();
  #worstLagMs = 0;

  constructor(options: ResolvedLoad, entrances: Entrances) {
    this.#options = options;
    this.#entrances = entrances;
    const agent = (): Agent => new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 });
    // Nothing but a new connection is given to another pod.
    const service = new Agent({ keepAlive: false, maxSockets: Infinity });
    this.#agents = { ingress: agent(), sidecar: agent(), router: agent(), service };
  }

  get open(): number {
    return this.#open.size;
  }

  get worstLagMs(): number {
    return Number(this.#worstLagMs.toFixed(2));
  }

  start(): void {
    const startMs = performance.now();
    // Streams begin a little apart, so that they do not all send in the same moment.
    const cursors = this.#options.streams.map((stream, index, all) => ({
      stream,
      sent: 0,
      everyMs: 1000 / stream.rate,
      startMs: startMs + (index / all.length) * (1000 / stream.rate),
    }));
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const cursor of cursors) {
        for (;;) {
          const dueMs = cursor.startMs + cursor.sent * cursor.everyMs;
          if (dueMs > now) break;
          this.#worstLagMs = Math.max(this.#worstLagMs, now - dueMs);
          this.#send(cursor.stream, cursor.sent, dueMs);
          cursor.sent++;
        }
      }
    }, TICK_MS);
  }

  /** Sends nothing more and waits for the answers under way; who gets none within the time limit has failed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const deadline = performance.now() + this.#options.timeoutMs;
    while (this.#open.size > 0 && performance.now() < deadline) await delay(10);
    for (const abandon of this.#open.values()) abandon('unanswered');
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #send(stream: Stream, turn: number, dueMs: number): void {
    const { method, path, headers } = stream.requests[turn % stream.requests.length] ?? {
      method: 'GET' as const,
      path: '/',
      headers: {},
    };
    const id = this.#nextId++;
    const write = `${this.#run}:${id}`;
    const body = method === 'POST' ? BODY : undefined;
    const outgoing = request({
      ...this.#entrances[stream.via],
      ...(stream.address === undefined ? {} : { host: stream.address }),
      agent: this.#agents[stream.via],
      method,
      path,
      setHost: false,
      headers: {
        host: stream.host,
        ...headers,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': body.length, 'x-write': write }),
      },
    });
    const timer = setTimeout(() => settle({ status: 0, error: 'timeout' }), this.#options.timeoutMs);
    const settle = (end: End): void => {
      if (!this.#open.delete(id)) return;
      clearTimeout(timer);
      const outcome: Outcome = {
        dueMs: performance.timeOrigin + dueMs,
        latencyMs: performance.now() - dueMs,
        ...{ stream: stream.name, method, path, status: end.status, error: end.error },
        pod: text(end.response?.headers['x-pod']),
        scc: text(end.response?.headers['x-scc']),
        ...(end.said === undefined ? {} : { said: end.said }),
        ...(end.status === 200 && end.response?.headers['x-write'] === write ? { write } : {}),
      };
      this.records.add(outcome);
      if (end.error !== null) outgoing.destroy();
    };
    this.#open.set(id, (reason) => settle({ status: 0, error: reason }));
    outgoing.on('error', (error) => settle({ status: 0, error: error.message || error.name }));
    outgoing.on('response', (response) => {
      const { statusCode = 0 } = response;
      // What a proxy says when no pod answered names the reason.
      let said = '';
      response.on('data', (part: Buffer) => {
        if (statusCode >= 500 && said.length < SAID_LENGTH) said += part.toString();
      });
      response.on('end', () =>
        settle({ status: statusCode, error: null, response, ...(said ? { said: said.slice(0, SAID_LENGTH) } : {}) }),
      );
      response.on('error', (error) => settle({ status: 0, error: error.message || error.name, response }));
    });
    outgoing.end(body);
  }
}
