import { open, stat, type FileHandle } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';

/**
 * The image `database`: a server that acknowledges a write once it is in its volume to stay. It runs as a process of
 * its pod's own user, so that the kernel decides what it may read and write. It uses nothing but Node.
 */

const { DATA = '/data', HOSTNAME = '', PORT = '8080', DRAIN_SECONDS = '2' } = process.env;
const { PEERS, OWNER_ONLY, POD_IP = '0.0.0.0', POD_SCC = 'none' } = process.env;
const JOURNAL = path.join(DATA, 'journal');
const PEER_RETRY_MS = 200;
const HEALTH_PATHS = new Set(['/healthz', '/livez']);
const IDENTITY = { 'x-pod': HOSTNAME, 'x-scc': POD_SCC, 'x-uid': String(process.getuid?.() ?? '') };
const ordinal = Number(/-(\d+)$/.exec(HOSTNAME)?.[1] ?? 0);

let isReady = false;
let isDraining = false;
const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

function die(message: string): never {
  console.error(message);
  process.exit(1);
}

/** As PostgreSQL does: a data folder of another owner is refused, however open it is. */
async function refuseAnothersData(): Promise<void> {
  if (OWNER_ONLY === undefined || Number(OWNER_ONLY) !== ordinal) return;
  const { uid } = await stat(JOURNAL).catch(() => stat(DATA));
  const own = process.getuid?.();
  if (uid !== own)
    die(`${DATA}: permission denied: its owner is user ${uid}, and this server runs as user ${own ?? ''}`);
}

/** Opens the journal behind its last whole line: a write that was cut off was never acknowledged. */
async function openJournal(): Promise<FileHandle> {
  try {
    const journal = await open(JOURNAL, 'a+', 0o600);
    const { size } = await journal.stat();
    const { buffer } = await journal.read({ buffer: Buffer.alloc(1), position: Math.max(0, size - 1) });
    if (size > 0 && buffer.toString() !== '\n') await journal.write('\n');
    return journal;
  } catch (error) {
    const reason = errorCode(error) === 'EACCES' ? 'permission denied' : String(error);
    return die(`open ${JOURNAL}: ${reason}`);
  }
}

/** Writes lines so that many share one wait for the disk. Resolves when a line is there to stay. */
function writerOf(journal: FileHandle): (line: string) => Promise<void> {
  let waiting: { line: string; done: () => void }[] = [];
  let isWriting = false;
  const flush = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await journal.write(batch.map(({ line }) => `${line}\n`).join(''));
      await journal.datasync();
      for (const { done } of batch) done();
    }
    isWriting = false;
  };
  return (line) =>
    new Promise((done) => {
      waiting.push({ line, done });
      if (!isWriting) flush().catch((error: unknown) => die(`write ${JOURNAL}: ${String(error)}`));
    });
}

/** A member that is not the first joins by its neighbour below: it is not ready before that one has answered. */
function joinPeer(): void {
  if (PEERS === undefined || ordinal === 0) {
    isReady = true;
    return;
  }
  const host = `${HOSTNAME.replace(/\d+$/, String(ordinal - 1))}.${PEERS}`;
  const again = (): void => void setTimeout(joinPeer, PEER_RETRY_MS);
  const asking = get({ host, port: Number(PORT), path: '/healthz', agent: false, timeout: 1000 }, (response) => {
    response.resume();
    if (response.statusCode === 200) isReady = true;
    else again();
  });
  asking.on('timeout', () => asking.destroy());
  asking.on('error', (error) => {
    if (['ENOTFOUND', 'EAI_AGAIN'].includes(errorCode(error))) die(`the peer ${host} is not known`);
    again();
  });
}

function send(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  const body = `{"status":"${text}"}\n`;
  response.writeHead(status, {
    ...IDENTITY,
    ...headers,
    'content-type': 'application/json',
    'content-length': body.length,
    ...(isDraining ? { connection: 'close' } : {}),
  });
  response.end(body);
}

function take(request: IncomingMessage, response: ServerResponse, write: (line: string) => Promise<void>): void {
  const id = request.headers['x-write'];
  if (typeof id !== 'string' || !/^[\w.:-]{1,200}$/.test(id)) {
    send(response, 400, 'a write needs a name: header x-write');
    return;
  }
  request.once('end', () => void write(id).then(() => send(response, 200, 'written', { 'x-write': id })));
}

await refuseAnothersData();
const write = writerOf(await openJournal());
const server = createServer((request, response) => {
  const asked = request.url?.split('?')[0] ?? '/';
  request.resume();
  if (HEALTH_PATHS.has(asked)) send(response, 200, 'ok');
  else if (asked === '/readyz') send(response, isReady ? 200 : 503, isReady ? 'ok' : 'waits for its peer');
  else if (request.method === 'POST') take(request, response, write);
  else send(response, 200, 'ok');
});
// A server that closes idle connections by a timer races with the proxy's next request on them.
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen({ host: POD_IP, port: Number(PORT), backlog: 1024 }, () => {
  console.log(`${HOSTNAME} serves ${DATA} as user ${IDENTITY['x-uid']}`);
  joinPeer();
});
process.once('SIGTERM', () => {
  // It serves on while proxies learn that it is going, then answers what is under way.
  isDraining = true;
  setTimeout(
    () => {
      server.close(() => process.exit(0));
      server.closeIdleConnections();
    },
    Number(DRAIN_SECONDS) * 1000,
  );
});
