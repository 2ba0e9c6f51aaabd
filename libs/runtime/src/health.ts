import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SelfCheck } from './self-check.js';

type Objection = string | null | Promise<string | null>;

export interface HealthOptions {
  host?: string;
  /** 0 picks a free port. */
  port: number;
  /** A reason why the process should be restarted, or null. */
  live: () => Objection;
  /** A reason why the process cannot do its work now, or null. */
  ready: () => Objection;
  metrics?: () => Promise<{ contentType: string; body: string }>;
  /** Everything that the process needs and does not reach, asked now. */
  checks?: () => Promise<SelfCheck>;
}

export interface HealthServer {
  port: number;
  close: () => Promise<void>;
}

/** Serves /livez, /readyz, /metrics and /checks over plain HTTP for the kubelet, Prometheus and `sccctl check`. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const answer = async (path: string | undefined): Promise<{ status: number; type: string; body: string }> => {
    if (path === '/metrics' && options.metrics) {
      const { contentType, body } = await options.metrics();
      return { status: 200, type: contentType, body };
    }
    if (path === '/checks' && options.checks)
      return { status: 200, type: 'application/json', body: JSON.stringify(await options.checks()) };
    if (path !== '/livez' && path !== '/readyz') return { status: 404, type: 'text/plain', body: 'not found\n' };
    const reason = await (path === '/livez' ? options.live() : options.ready());
    return { status: reason === null ? 200 : 503, type: 'text/plain', body: `${reason ?? 'ok'}\n` };
  };
  const server = createServer((request, response) => {
    void answer(request.url?.split('?')[0]).then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
