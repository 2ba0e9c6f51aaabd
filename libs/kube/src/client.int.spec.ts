import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connectKube } from './client.js';
import { Credentials } from './credentials.js';
import { KubeUnreachable } from './errors.js';
import type { KubeClient } from './kube-client.js';
import { failure, json, startStand, type Stand } from './server.fixture.js';
import { Transport } from './transport.js';

const stands: Stand[] = [];
const clients: KubeClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const stand of stands.splice(0)) await stand.stop();
});

async function against(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const stand = await startStand(answer);
  stands.push(stand);
  const client = await connectKube({ kubeconfig: stand.kubeconfig, userAgent: 'test' });
  clients.push(client);
  return { stand, client };
}

const POD = { apiVersion: 'v1', kind: 'Pod' };
const aPod = (name = 'a') => ({ ...POD, metadata: { namespace: 'shop', name, uid: name, resourceVersion: '1' } });
const podId = { ...POD, namespace: 'shop', name: 'a' };

describe('Kubernetes client', () => {
  it('uses few connections for many requests', async () => {
    const { stand, client } = await against((_request, response) => json(response, 200, aPod()));
    for (let round = 0; round < 50; round++) await Promise.all(Array.from({ length: 20 }, () => client.get(podId)));
    expect(stand.requests).toHaveLength(1000);
    expect(stand.connections()).toBeLessThanOrEqual(20);
  });

  it('reads what a container wrote, and says when no answer comes', async () => {
    const { stand, client } = await against((request, response) => {
      if (request.url?.includes('/pods/a/log')) response.end('{"level":"info"}\nEACCES\n');
    });
    const [container, options] = ['app', { sinceSeconds: 60, limitBytes: 1000, timeoutMs: 5000 }];
    await expect(client.logs({ ...podId, container }, options)).resolves.toBe('{"level":"info"}\nEACCES');
    expect(stand.requests).toEqual([
      'GET /api/v1/namespaces/shop/pods/a/log?container=app&sinceSeconds=60&limitBytes=1000',
    ]);
    const silent = client.logs({ ...podId, name: 'b', container }, { ...options, timeoutMs: 200 });
    await expect(silent).rejects.toThrow(KubeUnreachable);
  });

  it('takes up a token that was rotated, at the first refusal', async () => {
    const { stand, client } = await against((request, response) =>
      request.headers.authorization === 'Bearer two'
        ? json(response, 200, aPod())
        : json(response, 401, failure(401, 'Unauthorized')),
    );
    await expect(client.get(podId)).rejects.toMatchObject({ status: 401 });
    await writeFile(stand.tokenFile, 'two\n');
    await expect(client.get(podId)).resolves.toMatchObject({ metadata: { name: 'a' } });
  });

  it('asks a program for a token where the kubeconfig names one, and keeps what it said', async () => {
    const { stand } = await against((request, response) =>
      request.headers.authorization === 'Bearer two'
        ? json(response, 200, aPod())
        : json(response, 401, failure(401, 'Unauthorized')),
    );
    const asked = `${stand.tokenFile}.asked`;
    const credential = JSON.stringify({ kind: 'ExecCredential', status: { token: 'two' } });
    const exec = { command: 'sh', args: ['-c', `echo asked >> '${asked}'; echo '${credential}'`] };
    const text = await readFile(stand.kubeconfig, 'utf8');
    await writeFile(stand.kubeconfig, text.replace('tokenFile: token', `exec: ${JSON.stringify(exec)}`));
    const client = await connectKube({ kubeconfig: stand.kubeconfig, userAgent: 'test' });
    clients.push(client);
    await expect(client.get(podId)).resolves.toBeDefined();
    await expect(client.get(podId)).resolves.toBeDefined();
    expect(await readFile(asked, 'utf8')).toBe('asked\n');
  }, 30_000);

  it('waits as long as an overloaded server asks', async () => {
    let refusals = 2;
    const { stand, client } = await against((_request, response) =>
      refusals-- > 0
        ? json(response, 429, failure(429, 'TooManyRequests'), { 'retry-after': '0.05' })
        : json(response, 200, aPod()),
    );
    const startedMs = performance.now();
    await client.get(podId);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(95);
    expect(stand.requests).toHaveLength(3);
  });

  it('waits with reads alone where it was told so: what refuses a write is its answer', async () => {
    let refusals = 2;
    const { stand } = await against((request, response) =>
      request.method === 'POST' || refusals-- > 0
        ? json(response, 429, failure(429, 'TooManyRequests'), { 'retry-after': '0.05' })
        : json(response, 200, aPod()),
    );
    const transport = new Transport(new Credentials(stand.kubeconfig), { userAgent: 'test', patient: 'reads' });
    const path = '/api/v1/namespaces/shop/pods/a';
    await expect(transport.json({ method: 'GET', path })).resolves.toEqual(aPod());
    const evicted = transport.json({ method: 'POST', path: `${path}/eviction`, body: {} });
    await expect(evicted).rejects.toMatchObject({ status: 429 });
    expect(stand.requests).toEqual([`GET ${path}`, `GET ${path}`, `GET ${path}`, `POST ${path}/eviction`]);
    transport.close();
  });

  it('gives the refusal back when the server asks for more time than there is', async () => {
    const { client } = await against((_request, response) =>
      json(response, 429, failure(429, 'TooManyRequests'), { 'retry-after': '60' }),
    );
    await expect(client.get(podId, { timeoutMs: 100 })).rejects.toMatchObject({ status: 429 });
  });

  it('goes on after the server closed the connections that were kept', async () => {
    const { stand, client } = await against((_request, response) => json(response, 200, aPod()));
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 5 }, () => client.get(podId)));
      stand.cut();
    }
    await expect(client.get(podId)).resolves.toBeDefined();
  });

  it('gives up on a server that does not answer', async () => {
    const { client } = await against(() => undefined);
    const asking = client.get(podId, { timeoutMs: 100 });
    await expect(asking).rejects.toThrow(KubeUnreachable);
    await expect(asking).rejects.toThrow('GET /api/v1/namespaces/shop/pods/a: no answer within 100 ms');
  });

  it('gives the caller the reason back with which it aborted', async () => {
    const { client } = await against(() => undefined);
    const reason = new Error('no longer leading');
    await expect(client.get(podId, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('does not take a path that is not there for an object that is not there', async () => {
    const { client } = await against((_request, response) => response.writeHead(404).end('404 page not found\n'));
    await expect(client.get(podId)).rejects.toMatchObject({ status: 404 });
    await expect(client.delete(podId)).rejects.toMatchObject({ status: 404 });
  });

  it('knows a kind that the cluster does not serve from an object that is not there', async () => {
    const { client } = await against((_request, response) =>
      json(response, 404, { ...failure(404, 'NotFound'), details: { name: 'a', kind: 'pods' } }),
    );
    await expect(client.get(podId)).resolves.toBeUndefined();
    await expect(client.delete(podId)).resolves.toBeUndefined();
    await expect(client.get({ ...podId, kind: 'Pot' })).rejects.toMatchObject({ status: 404, reason: 'KindNotServed' });
  });

  it('lists page by page, and as a whole when the pages have expired', async () => {
    const { stand, client } = await against((request, response) => {
      const query = new URL(request.url ?? '', 'http://stand').searchParams;
      if (query.has('continue')) return json(response, 410, failure(410, 'Expired'));
      const more = query.has('limit') ? { continue: 'next' } : {};
      return json(response, 200, {
        metadata: { resourceVersion: '9', ...more },
        items: [{ metadata: aPod().metadata }],
      });
    });
    const { items, resourceVersion } = await client.list(POD, { namespace: 'shop', labelSelector: 'a=b' });
    expect({ items, resourceVersion }).toEqual({ items: [aPod()], resourceVersion: '9' });
    expect(stand.requests).toEqual([
      'GET /api/v1/namespaces/shop/pods?labelSelector=a%3Db&limit=500',
      'GET /api/v1/namespaces/shop/pods?labelSelector=a%3Db&limit=500&continue=next',
      'GET /api/v1/namespaces/shop/pods?labelSelector=a%3Db',
    ]);
  });

  it('addresses what is not in a namespace without one, and refuses what needs one', async () => {
    const { stand, client } = await against((_request, response) => json(response, 200, aPod()));
    await client.get({ apiVersion: 'v1', kind: 'Node', name: 'node-1' });
    expect(stand.requests).toEqual(['GET /api/v1/nodes/node-1']);
    await expect(client.get({ ...POD, name: 'a' })).rejects.toThrow('is in a namespace');
  });
});
