import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** An HTTP server in the place of an API server, for answers that a real one gives only in distress. */
export interface Stand {
  kubeconfig: string;
  tokenFile: string;
  /** Connections that were ever opened. */
  connections: () => number;
  /** `METHOD path?query` of each request, discovery left out. */
  requests: string[];
  /** Ends every open connection without a word. */
  cut: () => void;
  stop: () => Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

export const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): ServerResponse =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

export const failure = (code: number, reason: string): object => ({ kind: 'Status', code, reason, message: reason });

const RESOURCES = {
  kind: 'APIResourceList',
  resources: [
    { name: 'pods', kind: 'Pod', namespaced: true },
    { name: 'pods/log', kind: 'Pod', namespaced: true },
    { name: 'nodes', kind: 'Node', namespaced: false },
  ],
};

const kubeconfigFor = (port: number): string => `
apiVersion: v1
kind: Config
current-context: stand
clusters: [{ name: stand, cluster: { server: 'http://127.0.0.1:${port}', insecure-skip-tls-verify: true } }]
users: [{ name: stand, user: { tokenFile: token } }]
contexts: [{ name: stand, context: { cluster: stand, user: stand } }]
`;

/** Starts the server on a free port, with a kubeconfig whose token is in a file beside it. */
export async function startStand(answer: Answer): Promise<Stand> {
  let connections = 0;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/api/v1') {
      json(response, 200, RESOURCES);
      return;
    }
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    answer(request, response);
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(path.join(tmpdir(), 'scc-kube-'));
  const kubeconfig = path.join(folder, 'kubeconfig');
  const tokenFile = path.join(folder, 'token');
  await writeFile(kubeconfig, kubeconfigFor((server.address() as AddressInfo).port));
  await writeFile(tokenFile, 'one\n');
  return {
    kubeconfig,
    tokenFile,
    connections: () => connections,
    requests,
    cut: () => server.closeAllConnections(),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
