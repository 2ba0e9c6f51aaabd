import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { hasCode } from '../errors.js';

/** The port of a kubelet. */
export const LOGS_PORT = 10_250;

/** Finds the file with what a container has said; undefined when there is no such pod here. */
type FindLog = (pod: { namespace: string; name: string; container: string }) => string | undefined;

/** The end of a text. @param count of lines, all of them where it is null */
function lastLines(text: string, count: number | null): string {
  const lines = text.split(/(?<=\n)/);
  return lines.slice(count === null ? 0 : Math.max(0, lines.length - count)).join('');
}

/**
 * Answers what the API server asks a node for `kubectl logs` and for Helm's hooks: all that a container has said so far.
 * It is not followed. Workloads that are served by a thread say nothing.
 */
export async function serveLogs(host: string, tls: { cert: string; key: string }, find: FindLog): Promise<Server> {
  const server = createServer(tls, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://node');
    const [, kind, namespace = '', name = '', container = ''] = pathname.split('/').map(decodeURIComponent);
    const file = kind === 'containerLogs' ? find({ namespace, name, container }) : undefined;
    const tail = searchParams.get('tailLines');
    const answered =
      file === undefined
        ? Promise.reject(new Error(`no log at ${pathname}`))
        : readFile(file, 'utf8').catch((error: unknown) => {
            if (hasCode(error, 'ENOENT')) return '';
            throw error;
          });
    answered.then(
      (text) => response.end(lastLines(text, tail === null ? null : Number(tail))),
      (error: unknown) => response.writeHead(404).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: LOGS_PORT }, resolve);
  });
  return server;
}
