import { rm } from 'node:fs/promises';
import { createServer, connect, type ListenOptions, type NetConnectOpts, type Server } from 'node:net';

/**
 * Forwards every connection, byte for byte, to another address. A UNIX socket on one side reaches across network
 * namespaces, because files are shared between them.
 */
export async function relay(listen: ListenOptions, to: NetConnectOpts): Promise<Server> {
  if (listen.path !== undefined) await rm(listen.path, { force: true });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    const close = (): void => {
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
  return server;
}
