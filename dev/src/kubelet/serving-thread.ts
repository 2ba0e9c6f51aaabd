import { parentPort } from 'node:worker_threads';
import { AppServer } from './server.js';
import type { ServedContainer, ServingAnswer, ServingRequest } from './serving.js';

if (!parentPort) throw new Error('serving-thread runs only as a thread of the kubelet');
const port = parentPort;
const servers = new Map<number, AppServer>();
const answer = (message: ServingAnswer): void => port.postMessage(message);

async function listen(server: number, { host, behaviour, headers }: ServedContainer): Promise<void> {
  const app = new AppServer(behaviour, headers);
  servers.set(server, app);
  try {
    await app.listen(host);
    answer({ server, did: 'listen' });
  } catch (error) {
    destroy(server);
    answer({ server, did: 'listen', error: error instanceof Error ? error.message : String(error) });
  }
}

function destroy(server: number): void {
  servers.get(server)?.destroy();
  servers.delete(server);
}

// Both ends are one process and one build: what arrives was typed where it was sent.
port.on('message', (request: ServingRequest) => {
  const { server } = request;
  switch (request.do) {
    case 'listen':
      void listen(server, request.served);
      return;
    case 'drain':
      servers.get(server)?.drain();
      return;
    case 'close':
      void (servers.get(server)?.close() ?? Promise.resolve()).then(() => answer({ server, did: 'close' }));
      return;
    case 'destroy':
      destroy(server);
  }
});
