import { createServer, type AddressInfo, type Server } from 'node:net';
import { addressLine, relayFrom } from './preferred.js';

const to = { host: '127.0.0.1', port: 9 };

/** A listener on a port that the system chose. */
function occupy(): Promise<{ server: Server; port: number }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as AddressInfo).port }));
  });
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
  });

describe('the ports of the stack', () => {
  it('are those that the documentation names while they are free', async () => {
    const { server, port } = await occupy();
    await close(server);
    const relay = await relayFrom(port, to);
    relay.close();
    expect(relay).toMatchObject({ port, taken: null });
  });

  it('are others, and said to be, while something else listens there', async () => {
    const { server, port } = await occupy();
    const relay = await relayFrom(port, to);
    relay.close();
    await close(server);
    expect(relay.port).not.toBe(port);
    expect(relay.port).toBeGreaterThan(0);
    expect(relay.taken).toBe(port);
  });

  it('are printed with the reason for another one', () => {
    expect(addressLine('http://127.0.0.1:8233', undefined)).toBe('http://127.0.0.1:8233');
    expect(addressLine('http://127.0.0.1:40001', 8233)).toBe(
      'http://127.0.0.1:40001 (port 8233 is taken by another process)',
    );
  });
});
