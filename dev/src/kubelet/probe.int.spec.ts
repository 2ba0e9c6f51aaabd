import { createServer as createPlain, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { createAuthority } from '@scc/testing/authority';
import { check } from './probe.js';
import { aPod } from './pod.fixture.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const status =
  (code: number) =>
  (_request: unknown, response: ServerResponse): void => {
    response.writeHead(code).end();
  };

async function passes(port: number, scheme: string): Promise<boolean> {
  const { container } = aPod({}, { readinessProbe: { httpGet: { path: '/readyz', port, scheme } } });
  if (!container.readinessProbe) throw new Error('there is no probe');
  return check(container.readinessProbe, container, '127.0.0.1', 5000);
}

describe('a probe', () => {
  it('asks over HTTPS without checking the certificate', async () => {
    const { key, certificate } = await (await createAuthority('unknown')).issue('other', { dns: ['other'], ip: [] });
    expect(await passes(await portOf(createSecure({ key, cert: certificate }, status(200))), 'HTTPS')).toBe(true);
    expect(await passes(await portOf(createSecure({ key, cert: certificate }, status(503))), 'HTTPS')).toBe(false);
  });

  it('asks over HTTP, and fails where only HTTPS is spoken', async () => {
    expect(await passes(await portOf(createPlain(status(200))), 'HTTP')).toBe(true);
    expect(await passes(await portOf(createPlain(status(200))), 'HTTPS')).toBe(false);
  });
});
