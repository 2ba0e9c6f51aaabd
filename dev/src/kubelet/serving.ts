import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { scriptOf } from '../paths.js';
import type { Behaviour } from './behaviour.js';

/** The server of a container. */
export interface ServedContainer {
  /** The pod's address. */
  host: string;
  behaviour: Behaviour;
  /** Go with every answer: who answered, under which SCC, as which uid. */
  headers: Record<string, string>;
}

/** Questions of the kubelet to the thread that serves; `server` names one container's process. */
export type ServingRequest =
  | { server: number; do: 'listen'; served: ServedContainer }
  | { server: number; do: 'drain' }
  | { server: number; do: 'close' }
  | { server: number; do: 'destroy' };

/** Answers `listen` and `close`, each once. */
export const servingAnswerSchema = z.object({
  server: z.int(),
  did: z.enum(['listen', 'close']),
  error: z.string().optional(),
});
export type ServingAnswer = z.infer<typeof servingAnswerSchema>;

/** The servers of one container, seen from the kubelet. */
export interface Server {
  /** From now on each answer closes its connection, so that proxies move on to other endpoints. */
  drain: () => void;
  /** Takes no more connections; resolves when the requests under way are answered or the server was destroyed. */
  close: () => Promise<void>;
  /** Ends every connection at once, as a killed process does. */
  destroy: () => void;
}

/**
 * The thread in which the pods serve. On a cluster a node's agent and its containers are processes of their own; here
 * the agent's watches and writes must not stand in the way of requests that other pods are answering meanwhile.
 * When the thread fails, the process ends with it, as its `error` event has no listener.
 */
export class Serving {
  #worker: Worker;
  #next = 1;
  #waiting = new Map<string, (answer: ServingAnswer) => void>();

  constructor() {
    this.#worker = new Worker(scriptOf('kubelet/serving-thread'));
    this.#worker.on('message', (raw) => {
      const answer = servingAnswerSchema.parse(raw);
      const key = keyOf(answer.server, answer.did);
      this.#waiting.get(key)?.(answer);
      this.#waiting.delete(key);
    });
  }

  /** Binds every port of a container. @throws Error when one cannot be bound; none is bound then. */
  async listen(served: ServedContainer): Promise<Server> {
    const server = this.#next++;
    const send = (request: ServingRequest): void => this.#worker.postMessage(request);
    const answered = (did: ServingAnswer['did']): Promise<ServingAnswer> =>
      new Promise((resolve) => this.#waiting.set(keyOf(server, did), resolve));
    const listening = answered('listen');
    send({ server, do: 'listen', served });
    const { error } = await listening;
    if (error !== undefined) throw new Error(error);
    return {
      drain: () => send({ server, do: 'drain' }),
      close: async () => {
        const closed = answered('close');
        send({ server, do: 'close' });
        await closed;
      },
      destroy: () => send({ server, do: 'destroy' }),
    };
  }

  /** Ends the thread and every connection in it. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

const keyOf = (server: number, did: ServingAnswer['did']): string => `${server} ${did}`;
