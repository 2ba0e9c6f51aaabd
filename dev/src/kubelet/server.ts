import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Behaviour } from './behaviour.js';

const WINDOW_MS = 1000;
const HEALTH_PATHS = new Set(['/healthz', '/readyz', '/livez']);

/** Requests of the last second, in ten slots. */
class Rate {
  #slots = new Array<number>(10).fill(0);
  #slot = 0;

  add(nowMs: number): number {
    const slot = Math.floor(nowMs / (WINDOW_MS / 10));
    if (slot - this.#slot >= 10) this.#slots.fill(0);
    else for (let passed = this.#slot + 1; passed <= slot; passed++) this.#slots[passed % 10] = 0;
    this.#slot = slot;
    this.#slots[slot % 10] = (this.#slots[slot % 10] ?? 0) + 1;
    return this.#slots.reduce((sum, count) => sum + count, 0);
  }
}

/** The HTTP servers of one container: one for each port, at the pod's address. */
export class AppServer {
  #behaviour: Behaviour;
  #headers: Record<string, string>;
  #servers: Server[] = [];
  #rate = new Rate();
  #startedMs = performance.now();
  #draining = false;

  /** `headers` go with every answer: who answered, under which SCC, as which uid. */
  constructor(behaviour: Behaviour, headers: Record<string, string>) {
    this.#behaviour = behaviour;
    this.#headers = headers;
  }

  /** @throws Error when an address is in use. */
  async listen(host: string): Promise<void> {
    this.#startedMs = performance.now();
    for (const port of this.#behaviour.ports) {
      const server = createServer((request, response) => this.#answer(request, response));
      // A server that closes idle connections by a timer races with the proxy's next request on them.
      server.keepAliveTimeout = 0;
      server.requestTimeout = 0;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, backlog: 1024 }, resolve);
      });
      this.#servers.push(server);
    }
  }

  /** From now on each answer closes its connection, so that proxies move on to other endpoints. */
  drain(): void {
    this.#draining = true;
  }

  /** Takes no more connections and ends when the requests under way are answered. */
  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
          }),
      ),
    );
    this.#servers = [];
  }

  /** Ends every connection at once, as a killed process does. */
  destroy(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    this.#servers = [];
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url?.split('?')[0] ?? '/';
    request.resume();
    if (HEALTH_PATHS.has(path)) {
      this.#health(response);
      return;
    }
    const rate = this.#rate.add(performance.now());
    const retried = Number(request.headers['x-envoy-attempt-count'] ?? 1) > 1;
    const fails = rate > this.#behaviour.errorsAboveRps && !(retried && this.#behaviour.retriesSucceed);
    const send = (): void => this.#send(response, fails ? 503 : 200, fails ? 'overloaded' : 'ok');
    // A body is part of the request: answering before it was read would reset the connection under some clients.
    const respond = (): void => {
      if (this.#behaviour.latencyMs > 0) setTimeout(send, this.#behaviour.latencyMs);
      else send();
    };
    if (request.method === 'GET' || request.method === 'HEAD') respond();
    else request.once('end', respond);
  }

  #health(response: ServerResponse): void {
    const up = performance.now() - this.#startedMs >= this.#behaviour.readyAfterMs;
    this.#send(response, up ? 200 : 503, up ? 'ok' : 'starting');
  }

  #send(response: ServerResponse, status: number, text: string): void {
    const body = `{"status":"${text}"}\n`;
    response.writeHead(status, {
      ...this.#headers,
      'content-type': 'application/json',
      'content-length': body.length,
      ...(this.#draining ? { connection: 'close' } : {}),
    });
    response.end(body);
  }
}
