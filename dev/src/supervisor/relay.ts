import { rm } from 'node:fs/promises';
import {
  createServer,
  connect,
  type AddressInfo,
  type ListenOptions,
  type NetConnectOpts,
  type Socket,
} from 'node:net';

export interface Relay {
  /** The port where it listens; 0 when that is no TCP port. */
  port: number;
  close: () => void;
}

/**
 * Forwards every connection, byte for byte, to another address. A UNIX socket on one side reaches across network
 * namespaces, because files are shared between them.
 */
export async function relay(listen: ListenOptions, to: NetConnectOpts): Promise<Relay> {
  if (listen.path !== undefined) await rm(listen.path, { force: true });
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    open.add(near);
    const close = (): void => {
      open.delete(near);
      near.destroy();
      far.destroy();
    };
    near.on('error', close).pipe(far);
    far.on('error', close).pipe(near);
    near.on('close', close);
    far.on('close', close);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, resolve);
  });
  const address: AddressInfo | string | null = server.address();
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
