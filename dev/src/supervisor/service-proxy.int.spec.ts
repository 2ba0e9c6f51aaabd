import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createLogger, waitFor } from '@scc/runtime';
import { ServiceProxy } from './service-proxy.js';

const HOST = '127.0.0.1';
/** Cluster addresses of this test: all of 127.0.0.0/8 is local. */
const CLUSTER_IP = '127.0.0.96';
const PORT = 18_443;

const servers: Server[] = [];
const sockets = new Set<Socket>();
let proxy: ServiceProxy;
afterEach(() => {
  proxy.stop();
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A pod that says its name to whoever connects, and then what it hears. */
async function podNamed(name: string): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return (server.address() as AddressInfo).port;
}

const slice = (port: number, ready = true, name = `slice-${port}`) => ({
  metadata: { name, labels: { 'kubernetes.io/service-name': 'governance' } },
  endpoints: [{ addresses: [HOST], conditions: { ready } }],
  ports: [{ name: 'api', port }],
});
const SERVICE = {
  metadata: { name: 'governance' },
  spec: { clusterIP: CLUSTER_IP, ports: [{ name: 'api', port: PORT }] },
};

/** A cluster with one Service, whose endpoints the test changes. */
function proxyBefore(slices: object[]) {
  const told: ((slice: object) => void)[] = [];
  const api = {
    list: (path: string) =>
      Promise.resolve({ items: path.endsWith('/services') ? [SERVICE] : slices, resourceVersion: '1' }),
    watch: async function* (path: string, _version: string, signal: AbortSignal) {
      while (!signal.aborted) {
        const change = Promise.withResolvers<object>();
        signal.addEventListener('abort', () => change.reject(new Error('stopped')));
        if (path.endsWith('slices')) told.push(change.resolve);
        yield { type: 'MODIFIED' as const, object: (await change.promise) as never };
      }
    },
    close: () => undefined,
  };
  proxy = new ServiceProxy(api, 'scc-system', createLogger('proxy-test', 'silent'));
  proxy.start();
  return { change: (changed: object) => told.pop()?.(changed) };
}

/** The first line that a connection to the Service brings; null when it is refused. */
const greeting = (): Promise<string | null> =>
  new Promise((resolve) => {
    const socket = connect({ host: CLUSTER_IP, port: PORT });
    sockets.add(socket);
    socket.once('error', () => resolve(null));
    socket.once('close', () => resolve(null));
    socket.once('data', (text) => {
      resolve(text.toString().trim());
      socket.destroy();
    });
  });
const isServed = (): Promise<unknown> =>
  waitFor(async () => (await greeting()) !== null, { timeoutMs: 10_000, what: 'the Service to be served' });

describe('a Service of the stack', () => {
  it('leads to its ready endpoints in turn', async () => {
    proxyBefore([slice(await podNamed('a')), slice(await podNamed('b')), slice(await podNamed('c'), false)]);
    await isServed();
    const seen = await Promise.all(Array.from({ length: 6 }, greeting));
    expect(new Set(seen)).toEqual(new Set(['a', 'b']));
  });

  it('passes over an endpoint that is gone but still listed', async () => {
    const gone = await podNamed('gone');
    servers.pop()?.close();
    proxyBefore([slice(gone), slice(await podNamed('a'))]);
    await isServed();
    expect(await Promise.all(Array.from({ length: 4 }, greeting))).toEqual(['a', 'a', 'a', 'a']);
  });

  it('refuses without a ready endpoint, and takes connections again when there is one', async () => {
    const port = await podNamed('a');
    const { change } = proxyBefore([slice(port)]);
    await isServed();
    change(slice(port, false));
    await waitFor(async () => (await greeting()) === null, { timeoutMs: 10_000, what: 'a refusal' });
    expect(proxy.endpoints('governance', PORT)).toEqual([]);
    change(slice(port));
    await isServed();
  });
});
