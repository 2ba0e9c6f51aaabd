import { spawn } from 'node:child_process';
import { createServer as createPlain, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { createAuthority } from '@scc/testing/authority';
import { probeOnce, repeat } from './probe.js';
import type { ContainerProbe } from './pod-schema.js';
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
  return probeOnce(container.readinessProbe, container, '127.0.0.1', 5000);
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

  it('is not failed by this process having no time to read the answer', async () => {
    const serves = `require('node:http').createServer((_, r) => r.end()).listen(0, '127.0.0.1', function () {
      process.send(this.address().port);
    })`;
    const child = spawn(process.execPath, ['-e', serves], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    try {
      const port = await new Promise<number>((resolve) => child.once('message', (sent) => resolve(Number(sent))));
      const { container } = aPod();
      const verdict = probeOnce({ httpGet: { path: '/', port, scheme: 'HTTP' } }, container, '127.0.0.1', 100);
      const untilMs = performance.now() + 300;
      while (performance.now() < untilMs);
      expect(await verdict).toBe(true);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('fails where nobody answers in time', async () => {
    const silent = await portOf(createPlain(() => undefined));
    const { container } = aPod();
    const handler = { httpGet: { path: '/', port: silent, scheme: 'HTTP' as const } };
    expect(await probeOnce(handler, container, '127.0.0.1', 100)).toBe(false);
  });
});

describe('a probe that is repeated', () => {
  const probeOf = (probe: object): ContainerProbe => {
    const { container } = aPod({}, { readinessProbe: probe });
    if (!container.readinessProbe) throw new Error('there is no probe');
    return container.readinessProbe;
  };

  it('is asked more often until it first passes, where that is wanted', async () => {
    let asked = 0;
    const passed = Promise.withResolvers<boolean>();
    const end = repeat(probeOf({ periodSeconds: 3600 }), () => Promise.resolve((asked += 1) === 3), passed.resolve, 1);
    expect(await passed.promise).toBe(true);
    expect(asked).toBe(3);
    end();
  });

  it('counts failures at its own times alone', async () => {
    let asked = 0;
    const verdicts: boolean[] = [];
    const often = Promise.withResolvers<undefined>();
    const run = (): Promise<boolean> => {
      asked += 1;
      if (asked === 20) often.resolve(undefined);
      return Promise.resolve(false);
    };
    const end = repeat(
      probeOf({ periodSeconds: 3600, failureThreshold: 2 }),
      run,
      (verdict) => verdicts.push(verdict),
      1,
    );
    await often.promise;
    end();
    expect(verdicts).toEqual([]);
  });
});
