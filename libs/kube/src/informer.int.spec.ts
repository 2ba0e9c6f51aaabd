import type { IncomingMessage, ServerResponse } from 'node:http';
import { waitFor } from '@scc/runtime';
import { connectKube } from './client.js';
import { createInformer, type Informer, type InformerOptions } from './informer.js';
import type { KubeClient } from './kube-client.js';
import { failure, json, startStand, type Stand } from './server.fixture.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const POD = { apiVersion: 'v1', kind: 'Pod' };
const pod = (name: string, resourceVersion = '1') => ({
  ...POD,
  metadata: { namespace: 'shop', name, uid: name, resourceVersion },
});
const listOf = (resourceVersion: string, ...names: string[]) => ({
  metadata: { resourceVersion },
  items: names.map((name) => ({ metadata: pod(name).metadata })),
});
const isWatch = (request: IncomingMessage): boolean => request.url?.includes('watch=true') ?? false;
const versionOf = (url: string): string | null => new URL(url, 'http://stand').searchParams.get('resourceVersion');

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;
interface Watching {
  stand: Stand;
  client: KubeClient;
  informer: Informer;
  seen: string[];
}

async function watching(answer: Answer, timing: InformerOptions['timing'] = {}): Promise<Watching> {
  const stand = await startStand(answer);
  closing.push(() => stand.stop());
  const client = await connectKube({ kubeconfig: stand.kubeconfig, userAgent: 'test' });
  const seen: string[] = [];
  const informer = createInformer({
    client,
    kind: POD,
    onChange: (key, current, previous) => seen.push(`${key} ${current ? (previous ? 'changed' : 'added') : 'deleted'}`),
    timing: { ...timing },
  });
  closing.push(
    () => client.close(),
    () => informer.stop(),
  );
  informer.start();
  return { stand, client, informer, seen };
}

const open = (response: ServerResponse, ...events: object[]): ServerResponse => {
  response.writeHead(200);
  response.flushHeaders();
  for (const event of events) response.write(`${JSON.stringify(event)}\n`);
  return response;
};

describe('informer in distress', () => {
  it('restarts a watch that says nothing, one at a time, and finds what it missed by listing', async () => {
    let openWatches = 0;
    let mostWatches = 0;
    let names = ['a', 'b'];
    const { informer, seen } = await watching(
      (request, response) => {
        if (!isWatch(request)) return json(response, 200, listOf('5', ...names));
        mostWatches = Math.max(mostWatches, ++openWatches);
        response.once('close', () => openWatches--);
        return open(response);
      },
      { quietMs: 50, backoff: { firstMs: 10, lastMs: 20 } },
    );
    await informer.synced;
    names = ['b', 'c'];
    await waitFor(() => informer.health().watches >= 4, { timeoutMs: 5000, what: 'the watch to be restarted' });
    expect(mostWatches).toBe(1);
    expect(seen).toEqual(['shop/a added', 'shop/b added', 'shop/a deleted', 'shop/c added']);
    expect(informer.health().lastError).toBe('nothing was heard for 50 ms');
  });

  it('keeps a watch that says nothing but bookmarks, and resumes from the last one', async () => {
    const { stand, informer } = await watching(
      (request, response) => {
        if (!isWatch(request)) return json(response, 200, listOf('5', 'a'));
        open(response);
        let version = Number(versionOf(request.url ?? ''));
        const timer = setInterval(() => {
          const metadata = { resourceVersion: String(++version) };
          response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { ...POD, metadata } })}\n`);
        }, 20);
        return response.once('close', () => clearInterval(timer));
      },
      { quietMs: 1000, backoff: { firstMs: 10, lastMs: 20 } },
    );
    await informer.synced;
    const openedAt = performance.now();
    await waitFor(() => performance.now() - openedAt > 2500 && informer.lastContactMs() < 1000, {
      timeoutMs: 15_000,
      what: 'more than twice the quiet time',
    });
    expect(informer.health()).toMatchObject({ lists: 1, watches: 1 });
    stand.cut();
    await waitFor(() => informer.health().watches === 2, { timeoutMs: 5000, what: 'a second watch' });
    await waitFor(() => stand.requests.length === 3, { timeoutMs: 5000, what: 'its request' });
    expect(informer.health().lists).toBe(1);
    expect(Number(versionOf(stand.requests[2]?.split(' ')[1] ?? ''))).toBeGreaterThan(10);
  });

  it('lists again when its version is too old', async () => {
    let lists = 0;
    const { informer, seen } = await watching(
      (request, response) => {
        if (!isWatch(request)) return json(response, 200, ++lists === 1 ? listOf('5', 'a') : listOf('900', 'b'));
        const isOld = versionOf(request.url ?? '') === '5';
        return isOld ? open(response, { type: 'ERROR', object: failure(410, 'Expired') }) : open(response);
      },
      { backoff: { firstMs: 10, lastMs: 20 } },
    );
    await waitFor(() => informer.get('shop/b'), { timeoutMs: 5000, what: 'the second list' });
    expect(seen).toEqual(['shop/a added', 'shop/a deleted', 'shop/b added']);
  });

  it('takes no list that failed for an empty one', async () => {
    let isUp = true;
    const { stand, informer, seen } = await watching(
      (request, response) => {
        if (!isUp) return response.writeHead(404).end('404 page not found\n');
        if (!isWatch(request)) return json(response, 200, listOf('5', 'a'));
        return open(response);
      },
      { quietMs: 50, backoff: { firstMs: 5, lastMs: 10 } },
    );
    await informer.synced;
    isUp = false;
    stand.cut();
    const asked = stand.requests.length;
    await waitFor(() => stand.requests.length > asked + 5, { timeoutMs: 5000, what: 'some refused requests' });
    expect(informer.list()).toHaveLength(1);
    expect(seen).toEqual(['shop/a added']);
  });

  it('does not storm a server that refuses everything', async () => {
    const { stand, informer } = await watching((_request, response) =>
      json(response, 500, failure(500, 'InternalError')),
    );
    const startedAt = performance.now();
    await waitFor(() => performance.now() - startedAt > 2000, { timeoutMs: 5000, what: 'two seconds' });
    expect(stand.requests.length).toBeGreaterThanOrEqual(3);
    expect(stand.requests.length).toBeLessThanOrEqual(8);
    expect(informer.health().synced).toBe(false);
  });

  it('does not storm a server that ends every watch at once', async () => {
    const { stand } = await watching((request, response) => {
      if (!isWatch(request)) return json(response, 200, listOf('5', 'a'));
      return response.writeHead(200).end();
    });
    const startedAt = performance.now();
    await waitFor(() => performance.now() - startedAt > 2000, { timeoutMs: 5000, what: 'two seconds' });
    expect(stand.requests.length).toBeLessThanOrEqual(9);
  });

  it('lists again now and then although the watch is well', async () => {
    let names = ['a'];
    const { informer, seen } = await watching(
      (request, response) => {
        if (!isWatch(request)) return json(response, 200, listOf('5', ...names));
        open(response);
        const seconds = Number(new URL(request.url ?? '', 'http://stand').searchParams.get('timeoutSeconds'));
        return setTimeout(() => response.end(), seconds * 1000);
      },
      { relistMs: 900, healthyMs: 500 },
    );
    await informer.synced;
    names = [];
    await waitFor(() => informer.list().length === 0, { timeoutMs: 5000, what: 'the second list' });
    expect(seen).toEqual(['shop/a added', 'shop/a deleted']);
    expect(informer.health().lastError).toBeNull();
  });

  it('is not ended by a handler that fails', async () => {
    const stand = await startStand((request, response) => {
      if (isWatch(request)) return open(response, { type: 'ADDED', object: pod('b', '6') });
      return json(response, 200, listOf('5', 'a'));
    });
    const client = await connectKube({ kubeconfig: stand.kubeconfig, userAgent: 'test' });
    const informer = createInformer({
      client,
      kind: POD,
      onChange: () => {
        throw new Error('not now');
      },
    });
    closing.push(
      () => stand.stop(),
      () => client.close(),
      () => informer.stop(),
    );
    informer.start();
    await waitFor(() => informer.get('shop/b'), { timeoutMs: 5000, what: 'the second pod' });
    expect(informer.list()).toHaveLength(2);
  });

  it('rejects `synced` when it is stopped before', async () => {
    const { informer } = await watching(() => undefined);
    await informer.stop();
    await expect(informer.synced).rejects.toThrow('stopped before it was synced');
  });
});
