/**
 * Clients that keep their connections to one address, run inside the stack's network: each asks again 100 ms after it
 * was answered, and opens another connection only when a pod closed its last. A line on the standard input makes so many
 * more of them; an empty line ends all. Prints `ready` when those are connected, and at the end as JSON every connection.
 *
 *   node connections.process.ts HOST PORT
 */
import { Agent, get } from 'node:http';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const [host = '', port = ''] = process.argv.slice(2);
const PAUSE_MS = 100;
const TIMEOUT_MS = 10_000;

/** One connection, and who answered on it. */
interface Connection {
  client: number;
  pods: string[];
  requests: number;
  /** Whether a pod closed it, with an answer that says so. */
  closed: boolean;
}

const connections = new Map<Socket, Connection>();
const failures: string[] = [];
const stopping = new AbortController();

function ask(client: number, agent: Agent): Promise<void> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => {
      failures.push(`client ${client}: ${error.message}`);
      resolve();
    };
    const outgoing = get({ host, port, agent, timeout: TIMEOUT_MS }, (response) => {
      const { socket, headers, statusCode = 0 } = response;
      const known = connections.get(socket) ?? { client, pods: [], requests: 0, closed: false };
      connections.set(socket, known);
      const pod = String(headers['x-pod']);
      if (!known.pods.includes(pod)) known.pods.push(pod);
      known.requests++;
      known.closed ||= headers.connection === 'close';
      if (statusCode !== 200) failures.push(`client ${client}: ${statusCode}`);
      response.resume().on('end', resolve);
    });
    outgoing.on('error', failed).on('timeout', () => outgoing.destroy(new Error('no answer')));
  });
}

async function run(client: number, connected: () => void): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (!stopping.signal.aborted) {
    await ask(client, agent);
    connected();
    await pause(PAUSE_MS);
  }
  agent.destroy();
}

const running: Promise<void>[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  if (line === '') break;
  const first = running.length;
  const more = Array.from(
    { length: Number(line) },
    (_none, index) => new Promise<void>((connected) => running.push(run(first + index, connected))),
  );
  await Promise.all(more);
  console.log('ready');
}
stopping.abort();
await Promise.all(running);
console.log(JSON.stringify({ connections: [...connections.values()], failures }));
process.exit(0);
