import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KubeClient } from '@scc/kube';
import { istiodView, type ProxyView } from './proxies.js';
import { IstioRouter } from './router.js';

let folder: string;
let server: Server;
let asked: IncomingMessage[];
let answer: { status: number; headers?: Record<string, string>; body: string };
let view: ProxyView;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-proxies-'));
  const tokenFile = path.join(folder, 'token');
  await writeFile(tokenFile, 'secret\n');
  asked = [];
  server = createServer((request, response) => {
    asked.push(request);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  view = istiodView({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tokenFile });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

describe("istiod's view of its proxies", () => {
  it.each<[string, { url: string; tokenFile?: string; tokenOverHttp?: boolean }, boolean]>([
    ['a token over http', { url: 'http://istiod.istio-system:8080', tokenFile: 't' }, false],
    [
      'a token to a host that begins like the machine itself',
      { url: 'http://127.0.0.1.nip.example:8080', tokenFile: 't' },
      false,
    ],
    ['a token over http that may be read', { url: 'http://istiod:8080', tokenFile: 't', tokenOverHttp: true }, true],
    ['a token over https', { url: 'https://istiod:8080', tokenFile: 't' }, true],
    ['a token to the machine itself', { url: 'http://[::1]:8080', tokenFile: 't' }, true],
    ['no token over http', { url: 'http://istiod:8080' }, true],
  ])('is asked with %s only where the token is not shown: %j', (_case, options, allowed) => {
    const made = () => istiodView(options);
    if (allowed) expect(made).not.toThrow();
    else expect(made).toThrow('ISTIOD_DEBUG_TOKEN_OVER_HTTP');
  });

  it('names them with the nonces that were sent and acknowledged, and shows its token', async () => {
    const proxy = { proxy: 'a.shop', route_sent: '2', route_acked: '1', listener_sent: '3', listener_acked: '3' };
    answer = { status: 200, body: JSON.stringify([proxy]) };
    expect(await view.proxies()).toMatchObject([
      {
        id: 'a.shop',
        istiod: expect.stringContaining('//127.0.0.1:') as unknown,
        routes: { sent: '2', acked: '1' },
        listeners: { sent: '3', acked: '3' },
      },
    ]);
    expect(asked.map(({ url, headers }) => [url, headers.authorization])).toEqual([['/debug/syncz', 'Bearer secret']]);
  });

  it('are those of every istiod that is named', async () => {
    answer = { status: 200, body: JSON.stringify([{ proxy: 'a.shop' }]) };
    const other = createServer((_request, response) => response.end(JSON.stringify([{ proxy: 'b.shop' }])));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const urls = [server, other].map((one) => `http://127.0.0.1:${(one.address() as AddressInfo).port}`);
    try {
      const proxies = await istiodView({ url: urls.join(', ') }).proxies();
      expect(proxies.map(({ id }) => id)).toEqual(['a.shop', 'b.shop']);
      expect(new Set(proxies.map(({ istiod }) => istiod)).size).toBe(2);
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });

  it('tells a proxy that has left from one that is not shown', async () => {
    let isThere = true;
    const leaving = createServer((request, response) => {
      if (request.url !== '/debug/syncz') response.writeHead(404).end();
      else response.end(JSON.stringify(isThere ? [{ proxy: 'a.shop' }] : []));
    });
    await new Promise<void>((resolve) => leaving.listen(0, '127.0.0.1', resolve));
    try {
      const seen = istiodView({ url: `http://127.0.0.1:${(leaving.address() as AddressInfo).port}` });
      const [proxy] = await seen.proxies();
      if (!proxy) throw new Error('no proxy');
      await expect(seen.dump(proxy, 'rds')).rejects.toMatchObject({ name: 'ProxiesUnseen', isRefusal: true });
      isThere = false;
      await expect(seen.dump(proxy, 'rds')).resolves.toBeNull();
    } finally {
      leaving.closeAllConnections();
      leaving.close();
    }
  });

  it.each([
    [401, true],
    [403, true],
    [404, true],
    [302, true],
    [405, true],
    [200, true],
    [408, false],
    [429, false],
    [503, false],
  ])('tells a refusal, which waiting does not change, from a fault: %d', async (status, isRefusal) => {
    answer = { status, body: '<html>' };
    await expect(view.proxies()).rejects.toMatchObject({ name: 'ProxiesUnseen', isRefusal });
  });

  it('names a refusal before anything is touched, with the settings that mend it', async () => {
    answer = { status: 403, body: '' };
    const answers = { list: () => Promise.resolve({ items: [] }), get: () => Promise.resolve(undefined) };
    const kube = Object.assign(Object.create(null) as KubeClient, answers);
    const router = new IstioRouter({
      kube,
      fieldManager: 'test',
      view,
      boundMs: 1,
      signal: () => undefined,
    });
    const { violations } = await router.survey({
      namespace: 'shop',
      services: [{ name: 'web', canary: 'web-scc-canary' }],
      label: { key: 'app', stable: 'web', canary: 'web-scc-canary' },
      markers: {},
      podLabels: { app: 'web' },
    });
    expect(violations).toMatchObject([
      { code: 'ProxiesUnseen', remedy: expect.stringContaining('ISTIOD_DEBUG_TOKEN_FILE') as unknown },
    ]);
  });

  it('is unknown where istiod refuses or sends elsewhere: no redirect is followed', async () => {
    answer = { status: 403, body: '' };
    await expect(view.proxies()).rejects.toThrow('istiod answered 403 to /debug/syncz');
    answer = { status: 302, headers: { location: '/elsewhere' }, body: '' };
    await expect(view.proxies()).rejects.toThrow('istiod answered 302 to /debug/syncz');
    expect(asked.map(({ url }) => url)).toEqual(['/debug/syncz', '/debug/syncz']);
  });
});
