import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy in front of an API server that can be made to lose its way. */
export interface Proxy {
  port: number;
  /** Connections through it, ever and at this moment. */
  opened: () => number;
  open: () => number;
  /** Passes nothing on any more, in neither direction, and closes nothing: what a broken network looks like. */
  swallow: () => void;
  /** Ends the connections that were swallowed and passes new ones on again. */
  heal: () => void;
  stop: () => Promise<void>;
}

/** @param target the port on loopback that connections are passed on to */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let opened = 0;
  let isSwallowing = false;
  const server = createServer((inner) => {
    opened++;
    const outer = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      from.on('data', (chunk) => {
        if (!isSwallowing) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!isSwallowing) to.destroy();
      });
    }
    sockets.add(inner);
    inner.once('close', () => sockets.delete(inner));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    opened: () => opened,
    open: () => sockets.size,
    swallow: () => void (isSwallowing = true),
    heal: () => {
      isSwallowing = false;
      cut();
    },
    stop: async () => {
      isSwallowing = false;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
