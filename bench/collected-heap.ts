import inspector from 'node:inspector';
import { z } from 'zod';

/**
 * The heap of a Node process after a full collection, by its inspector: of the main thread and of every worker thread,
 * where the code of workflows runs. `node bench/dist/collected-heap.js PORT` prints it in bytes.
 */

const TIMEOUT_MS = 60_000;
const targetsSchema = z.array(z.looseObject({ webSocketDebuggerUrl: z.string() })).min(1);
const messageSchema = z.looseObject({
  id: z.int().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});
type InspectorMessage = z.infer<typeof messageSchema>;
const attachedSchema = z.looseObject({ sessionId: z.string() });
const relayedSchema = z.looseObject({ sessionId: z.string(), message: z.string() });
const usageSchema = z.looseObject({ usedSize: z.number() });

/** Asks one thread, and gives each message that is no answer to `event`. */
class InspectedThread {
  #lastId = 0;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();

  constructor(
    private readonly send: (text: string) => void,
    private readonly event: (message: InspectorMessage) => void = () => undefined,
  ) {}

  take(text: string): void {
    const message = messageSchema.parse(JSON.parse(text));
    const asked = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (!asked) {
      this.event(message);
      return;
    }
    this.#waiting.delete(message.id ?? 0);
    if (message.error) asked.reject(new Error(message.error.message));
    else asked.resolve(message.result);
  }

  call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Bytes that are used after a full collection. */
  async collected(): Promise<number> {
    await this.call('HeapProfiler.collectGarbage');
    return usageSchema.parse(await this.call('Runtime.getHeapUsage')).usedSize;
  }
}

/** Bytes of the heaps of all threads. @param port where the inspector listens on the loopback */
export async function collectedHeap(port: number): Promise<number> {
  const listed = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const [target] = targetsSchema.parse(await listed.json());
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`the inspector at ${port} does not answer`)));
    });
    const threads = new Map<string, InspectedThread>();
    const main = new InspectedThread(
      (text) => socket.send(text),
      ({ method, params }) => {
        if (method === 'NodeWorker.attachedToWorker') {
          const { sessionId } = attachedSchema.parse(params);
          const relay = (message: string): void =>
            void main.call('NodeWorker.sendMessageToWorker', { sessionId, message });
          threads.set(sessionId, new InspectedThread(relay));
        }
        if (method !== 'NodeWorker.receivedMessageFromWorker') return;
        const { sessionId, message } = relayedSchema.parse(params);
        threads.get(sessionId)?.take(message);
      },
    );
    socket.addEventListener('message', ({ data }) => main.take(String(data)));
    // Answers only after every thread that runs was attached.
    await main.call('NodeWorker.enable', { waitForDebuggerOnStart: false });
    const used = await Promise.all([main, ...threads.values()].map((thread) => thread.collected()));
    return used.reduce((sum, bytes) => sum + bytes);
  } finally {
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.close();
    await closed;
  }
}

/** The message by which a server of the benches is asked for its collected heap. */
export const HEAP = 'heap';

/** Bytes of the heaps of all threads of this process. */
export async function collectedHeapHere(): Promise<number> {
  inspector.open(0, '127.0.0.1');
  try {
    return await collectedHeap(Number(new URL(inspector.url() ?? '').port));
  } finally {
    inspector.close();
  }
}

if (process.argv[1] === import.meta.filename) console.log(await collectedHeap(Number(process.argv[2])));
