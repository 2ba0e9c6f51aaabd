import { connect, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Authority } from './authority.js';

export interface TlsFrontend {
  address: string;
  stop: () => Promise<void>;
}

/** Ends TLS in front of a server on loopback, under one DNS name, and lets in only clients that show a certificate of the same authority. */
export async function startTlsFrontend(target: string, authority: Authority, dns: string): Promise<TlsFrontend> {
  const { certificate, key } = await authority.issue('frontend', { dns: [dns], ip: [] });
  const sockets = new Set<Socket>();
  const server = createTlsServer(
    {
      cert: certificate,
      key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
    },
    (inner: TLSSocket) => {
      const outer = connect(Number(target.split(':')[1]), '127.0.0.1');
      inner.pipe(outer).pipe(inner);
      for (const socket of [inner, outer]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          inner.destroy();
          outer.destroy();
        });
      }
    },
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
