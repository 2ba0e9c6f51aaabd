import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createAuthority, type Authority } from '@scc/testing/authority';
import { AnswerTooLong, HttpClient, isCertificateFault, textOf, type HttpOptions } from './http.js';
import { followTrust, trustOf } from './trust.js';
import { DeadlineError } from './wait.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function listening(server: Server, scheme: 'http' | 'https'): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

function aClient(options: HttpOptions = {}): HttpClient {
  const client = new HttpClient(options);
  ends.push(() => client.close());
  return client;
}

const plain = async (answer: RequestListener) => {
  const server = createServer(answer);
  let connections = 0;
  server.on('connection', () => connections++);
  return { server, url: await listening(server, 'http'), connections: () => connections };
};

describe('an HTTP client', () => {
  it('uses one connection for calls that follow each other', async () => {
    const { url, connections } = await plain((_request, response) => response.end('ok'));
    const client = aClient();
    for (let call = 0; call < 20; call++)
      await expect(client.send({ method: 'GET', url })).resolves.toMatchObject({ status: 200, text: 'ok' });
    expect(connections()).toBe(1);
  });

  it('sends again what is repeatable when the connection turns out to be closed, and nothing else', async () => {
    let requests = 0;
    const { url } = await plain((request, response) => {
      requests += 1;
      if (requests === 1) request.socket.destroy();
      else response.end('ok');
    });
    const client = aClient();
    await expect(client.send({ method: 'GET', url })).resolves.toMatchObject({ text: 'ok' });
    expect(requests).toBe(2);
    requests = 0;
    await expect(client.send({ method: 'POST', url, body: '{}' })).rejects.toThrow();
    expect(requests).toBe(1);
    requests = 0;
    await expect(client.send({ method: 'POST', url, body: '{}', repeatable: true })).resolves.toMatchObject({
      status: 200,
    });
  });

  it('goes over a proxy, with the certificates of the server at the end', async () => {
    const authority = await createAuthority('end');
    const { certificate, key } = await authority.issue('server', { dns: [], ip: ['127.0.0.1'] });
    const end = createTlsServer({ cert: certificate, key }, (_request, response) => response.end('ok'));
    const url = await listening(end, 'https');
    const tunnels: string[] = [];
    const between = createServer().on('connect', (request, socket: Socket) => {
      tunnels.push(request.url ?? '');
      const outer = connect(Number(url.port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        outer.pipe(socket).pipe(outer);
      });
      for (const one of [outer, socket]) {
        one.on('error', () => undefined);
        ends.push(() => one.destroy());
      }
    });
    const proxy = (await listening(between, 'http')).href;
    const trust = trustOf({ ca: authority.certificate }, proxy);
    await expect(aClient().send({ method: 'GET', url, trust })).resolves.toMatchObject({ text: 'ok' });
    expect(tunnels).toEqual([url.host]);
  });

  it('follows no redirect', async () => {
    const { url } = await plain((_request, response) => response.writeHead(302, { location: 'http://other/' }).end());
    await expect(aClient().send({ method: 'GET', url })).resolves.toMatchObject({
      status: 302,
      headers: { location: 'http://other/' },
    });
  });

  it('gives up in time, on the beginning of an answer and on the rest of it', async () => {
    const { url } = await plain((request, response) => {
      if (request.url === '/rest') response.write('half');
    });
    const client = aClient();
    for (const at of ['/', '/rest'])
      await expect(client.send({ method: 'GET', url: new URL(at, url), timeoutMs: 200 })).rejects.toEqual(
        new DeadlineError('no answer within 200 ms'),
      );
  });

  it('reads no more than it was told to', async () => {
    const { url } = await plain((_request, response) => Readable.from(endless()).pipe(response));
    await expect(aClient({ maxBytes: 100_000 }).send({ method: 'GET', url })).rejects.toThrow(AnswerTooLong);
  });

  it('leaves calls alone while many streams are open, and ends a stream when its signal aborts', async () => {
    const { url } = await plain((request, response) => {
      if (request.url === '/stream') response.write('first\n');
      else response.end('ok');
    });
    const client = aClient({ connections: 2 });
    const ending = new AbortController();
    const streams = await Promise.all(
      Array.from({ length: 5 }, () =>
        client.open({ method: 'GET', url: new URL('/stream', url), isStream: true, signal: ending.signal }),
      ),
    );
    await expect(client.send({ method: 'GET', url })).resolves.toMatchObject({ text: 'ok' });
    const reading = streams.map(({ body }) => textOf(body));
    ending.abort(new Error('enough'));
    for (const outcome of await Promise.allSettled(reading)) expect(outcome.status).toBe('rejected');
  });

  it('takes up an authority and a client certificate that were exchanged in their files', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'scc-http-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const file = (name: string): string => path.join(folder, name);
    const [first, second] = await Promise.all([createAuthority('first'), createAuthority('second')]);
    const files = { caFile: file('ca.crt'), certFile: file('client.crt'), keyFile: file('client.key') };
    const give = async (authority: Authority): Promise<void> => {
      const client = await authority.issue('client', { dns: [], ip: [], usage: 'client' });
      await writeFile(files.caFile, authority.certificate);
      await writeFile(files.certFile, client.certificate);
      await writeFile(files.keyFile, client.key);
    };
    const serverFor = async (authority: Authority): Promise<URL> => {
      const { certificate, key } = await authority.issue('server', { dns: [], ip: ['127.0.0.1'] });
      const options = {
        cert: certificate,
        key,
        ca: authority.certificate,
        requestCert: true,
        rejectUnauthorized: true,
      };
      return listening(
        createTlsServer(options, (_request, response) => response.end('ok')),
        'https',
      );
    };
    await give(first);
    const { current, forget } = followTrust(files);
    const client = aClient({ trust: current, untrusted: forget });
    await expect(client.send({ method: 'GET', url: await serverFor(first) })).resolves.toMatchObject({ text: 'ok' });
    const after = await serverFor(second);
    await give(second);
    const refused: unknown = await client.send({ method: 'GET', url: after }).catch((error: unknown) => error);
    expect(isCertificateFault(refused)).toBe(true);
    await expect(client.send({ method: 'GET', url: after })).resolves.toMatchObject({ text: 'ok' });
    expect(await readFile(files.caFile, 'utf8')).toBe(second.certificate);
  });
});

function* endless(): Generator<string> {
  for (;;) yield 'x'.repeat(10_000);
}
