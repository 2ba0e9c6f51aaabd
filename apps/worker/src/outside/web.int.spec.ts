import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { planSpecSchema } from '@scc/plan';
import { AllowedHosts } from '@scc/runtime';
import { noMetrics } from './prometheus.js';
import { reviewGatesWith } from './review.js';
import { webReader, withWebGates } from './web.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function aServer(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
const answering = (body: string, status = 200): Promise<string> =>
  aServer((_request, response) => response.writeHead(status).end(body));

const allowed = new AllowedHosts('127.0.0.1', '');
const read = webReader(allowed, undefined);
const REPORT = JSON.stringify({
  errors: 3,
  checks: [
    { name: 'a', ok: true },
    { name: 'b', ok: true },
  ],
  secret: 'x',
});

describe('a gate on the answer of a server', () => {
  it.each<[string, string, number]>([
    ['a field', 'body.errors', 3],
    ['a truth as 1', 'body.checks.all(check, check.ok)', 1],
    ['an untruth as 0', 'body.errors == 0', 0],
    ['a calculation', 'double(body.errors) / 2.0', 1.5],
    ['the status', 'status', 200],
  ])('reads %s', async (_case, value, expected) => {
    await expect(read({ url: await answering(REPORT), value })).resolves.toEqual({ value: expected });
  });

  it('has no data, and shows nothing of the answer, where there is no such number', async () => {
    const url = await answering(REPORT);
    const { host } = new URL(url);
    for (const value of ['body.secret', 'body.missing'])
      await expect(read({ url, value })).resolves.toEqual({
        noData: `the expression finds no number in the answer of ${host} (status 200)`,
      });
    await expect(read({ url: await answering('<html>', 502), value: 'status' })).resolves.toMatchObject({
      noData: expect.stringContaining('answered 502 without JSON') as string,
    });
  });

  it('cannot be judged while the server is away, follows no redirect and asks no other host', async () => {
    const gone = await answering('{}');
    await ends.pop()?.();
    await expect(read({ url: gone, value: 'status' })).resolves.toMatchObject({ isUnjudged: true });
    const redirect = await aServer((_request, response) => response.writeHead(302, { location: gone }).end('{}'));
    await expect(read({ url: redirect, value: 'status' })).resolves.toEqual({ value: 302 });
    await expect(read({ url: 'http://192.0.2.1/', value: 'status' })).resolves.toMatchObject({
      noData: 'calls to 192.0.2.1 are not allowed (WEBHOOK_GATE_HOSTS)',
    });
  });

  it('ends an expression that takes too long, and an answer that is too large', async () => {
    const report = JSON.stringify({ list: Array<number>(316).fill(0), text: 'x'.repeat(200_000) });
    const value = 'body.list.all(a, body.list.all(b, !body.text.contains("xy")))';
    await expect(read({ url: await answering(report), value })).resolves.toHaveProperty('noData');
    const huge = await answering(JSON.stringify('x'.repeat(300 * 1024)));
    await expect(read({ url: huge, value: 'status' })).resolves.toMatchObject({ isUnjudged: true });
  });

  it('is no question to Prometheus, which is asked for all others', async () => {
    const source = withWebGates(noMetrics, () => Promise.resolve({ value: 7 }));
    const scope = { namespace: 'shop', services: ['a'] };
    await expect(source.read({ web: { url: 'http://a/', value: 'status' } }, scope, 0)).resolves.toEqual({ value: 7 });
    await expect(source.read({ preset: 'request-success-rate' }, scope, 0)).resolves.toMatchObject({
      noData: 'no Prometheus is configured (PROMETHEUS_URL)',
    });
  });

  it('is refused before anything is touched when its host or its expression is', async () => {
    const review = reviewGatesWith({ allowed, metrics: noMetrics, queries: 'confined' });
    const gate = (url: string, value: string) =>
      planSpecSchema.parse({
        workloadRef: { kind: 'Deployment', name: 'a' },
        targetSCC: 'restricted-v2',
        gates: { metrics: [{ name: 'web', web: { url, value }, max: 0 }] },
      });
    const codesOf = async (url: string, value: string) =>
      (await review(gate(url, value), 'shop')).violations.map(({ code, field }) => [code, field]);
    expect(await codesOf('http://127.0.0.1/', 'body.errors')).toEqual([]);
    expect(await codesOf('http://10.0.0.1/', 'body.errors')).toEqual([
      ['WebhookHostNotAllowed', 'spec.gates.metrics[0].web.url'],
    ]);
    expect(await codesOf('http://127.0.0.1/', 'env.SECRET')).toEqual([
      ['ExpressionRefused', 'spec.gates.metrics[0].web.value'],
    ]);
  });
});
