import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { planSpecSchema, type PlanSpec } from '@scc/plan';
import { AllowedHosts } from '@scc/runtime';
import type { FlavourName } from './flavours.js';
import { noMetrics, PrometheusAway, prometheusMetrics, PrometheusRefuses, type MetricSource } from './prometheus.js';
import { reviewGatesWith } from './review.js';
import { webhookCaller } from './webhooks.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server on loopback, with what it was asked. */
async function aServer(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const asked: { url: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url ?? '', headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, asked };
}

const LOOPBACK = '127.0.0.0/8,::1/128';
const call = (hosts: string, url: string, networks = ''): Promise<number> =>
  webhookCaller(new AllowedHosts(hosts, networks), undefined)(url, '{}', 5000);

describe('the call of a webhook gate', () => {
  it('goes to a host that is allowed, and tells the status alone', async () => {
    const { url, port } = await aServer((_request, response) => response.writeHead(500).end('a secret of the server'));
    await expect(call('127.0.0.1', url)).resolves.toBe(500);
    await expect(call('localhost', `http://localhost:${port}/`, LOOPBACK)).resolves.toBe(500);
  });

  it('goes nowhere else, by name or by address', async () => {
    const { url, port, asked } = await aServer((_request, response) => response.end());
    await expect(call('', url)).rejects.toThrow(`calls to 127.0.0.1:${port} are not allowed (WEBHOOK_GATE_HOSTS)`);
    await expect(call('localhost', `http://localhost:${port}/`)).rejects.toThrow('has no address that may be called');
    expect(asked).toEqual([]);
  });

  it('follows no redirect to where it may not go', async () => {
    const elsewhere = await aServer((_request, response) => response.end('credentials'));
    const { url } = await aServer((_request, response) => response.writeHead(302, { location: elsewhere.url }).end());
    await expect(call('127.0.0.1', url)).resolves.toBe(302);
    expect(elsewhere.asked).toEqual([]);
  });

  it('does not read a body that has no end', async () => {
    const { url } = await aServer((_request, response) => response.write('x'));
    await expect(call('127.0.0.1', url)).resolves.toBe(200);
  });
});

const one = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [{ value: [0, '42'] }] } });
const scope = { namespace: 'shop', services: ['ledger'] };
const gate = { preset: undefined, query: 'my_metric' };

describe('Prometheus', () => {
  it('is asked under its path, with a token that may be exchanged, headers, and the namespace', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'scc-prometheus-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const tokenFile = path.join(folder, 'token');
    await writeFile(tokenFile, 'one\n');
    const { url, asked } = await aServer((_request, response) => response.end(one));
    const metrics = prometheusMetrics({
      url: `${url}/tenants/a/`,
      flavour: 'istio',
      tokenFile,
      headers: { 'X-Scope-OrgID': 'shop' },
      namespaceParameter: 'namespace',
    });
    await expect(metrics.read(gate, scope, Date.now())).resolves.toEqual({ value: 42 });
    await writeFile(tokenFile, 'two\n');
    await metrics.check('shop');
    const [first, second] = asked;
    expect(first).toMatchObject({ headers: { authorization: 'Bearer one', 'x-scope-orgid': 'shop' } });
    expect(second).toMatchObject({ headers: { authorization: 'Bearer two' } });
    const sent = new URL(first?.url ?? '', url);
    expect(sent.pathname).toBe('/tenants/a/api/v1/query');
    expect(Object.fromEntries(sent.searchParams)).toMatchObject({ query: 'my_metric', namespace: 'shop' });
  });

  it.each([302, 401, 403, 404, 405, 407])('that answers %i refuses, and its words go nowhere', async (status) => {
    const { url } = await aServer((_request, response) => response.writeHead(status).end('a secret of the server'));
    const asking = prometheusMetrics({ url, flavour: 'istio' }).read(gate, scope, Date.now());
    await expect(asking).rejects.toThrow(PrometheusRefuses);
    await expect(asking).rejects.toThrow(/^Prometheus answered \d+: .*PROMETHEUS_/);
    await expect(asking).rejects.not.toThrow('secret');
  });

  it("is asked a gate's own query for the Services of the side that is judged", async () => {
    const result = [{ metric: {}, value: [0, '7'] }];
    const { url, asked } = await aServer((_request, response) =>
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } })),
    );
    const own = { query: 'sum(errors{service=~"$services"})' };
    const side = { namespace: 'shop', services: ['ledger', 'books'] };
    const reading = prometheusMetrics({ url, flavour: 'istio' }).read(own, side, Date.now());
    await expect(reading).resolves.toEqual({ value: 7 });
    const { searchParams } = new URL(asked[0]?.url ?? '', 'http://x');
    expect(searchParams.get('query')).toBe('sum(errors{service=~"ledger|books"})');
  });

  it.each([408, 429, 500])('that answers %i is away for now', async (status) => {
    const { url } = await aServer((_request, response) => response.writeHead(status).end());
    const asking = prometheusMetrics({ url, flavour: 'istio' }).check('shop');
    await expect(asking).rejects.toThrow(PrometheusAway);
  });

  it('that answers with a page, as a login does, refuses', async () => {
    const { url } = await aServer((_request, response) => response.end('<html>'));
    const asking = prometheusMetrics({ url, flavour: 'istio' }).check('shop');
    await expect(asking).rejects.toThrow(PrometheusRefuses);
  });

  it('that is away, ill or something else is an error, never a lack of data', async () => {
    const ill = await aServer((request, response) =>
      request.url?.startsWith('/ill') ? response.writeHead(503).end() : response.end('<html>'),
    );
    for (const [url, message] of [
      ['http://127.0.0.1:1', 'Prometheus does not answer'],
      [`${ill.url}/ill`, 'Prometheus answered 503'],
      [ill.url, 'in a form that is not known'],
    ] as const)
      await expect(prometheusMetrics({ url, flavour: 'istio' }).read(gate, scope, Date.now())).rejects.toThrow(message);
  });
});

/** A Prometheus that knows counters of the canary as they were when the count began, and as they are now. */
async function countersOf(then: Record<string, number>, now: Record<string, number>, isScraped = true) {
  const vector = (counters: Record<string, number>) =>
    Object.entries(counters).map(([digit, value]) => ({
      metric: { __name__: 'envoy_cluster_upstream_rq_xx', envoy_response_code_class: digit, instance: 'gateway' },
      value: [0, String(value)],
    }));
  const resultOf = ({ searchParams }: URL): unknown[] => {
    const query = searchParams.get('query') ?? '';
    if (query.includes('resets')) return [{ metric: {}, value: [0, '0'] }];
    if (query.startsWith('sum((1 - up)')) return [];
    if (query.startsWith('count(')) return isScraped ? [{ metric: {}, value: [0, '9'] }] : [];
    if (query.startsWith('{') && !isScraped)
      return Object.entries(now).map(([digit, value]) => ({
        metric: { __name__: 'envoy_cluster_upstream_rq_xx', envoy_response_code_class: digit, instance: 'gateway' },
        values: [[Date.now() / 1000, String(value - 1)]],
      }));
    if (query.startsWith('{')) return [{ metric: {}, values: [0, 15, 30].map((at) => [at, '1']) }];
    if (!query.includes('envoy_cluster_upstream_rq_xx')) return [];
    return vector(searchParams.has('time') ? then : now);
  };
  const { url } = await aServer((request, response) =>
    response.end(
      JSON.stringify({
        status: 'success',
        data: { resultType: 'vector', result: resultOf(new URL(request.url ?? '', 'http://x')) },
      }),
    ),
  );
  return prometheusMetrics({ url, flavour: 'envoy' });
}

describe('what Prometheus counts', () => {
  const since = Date.now() - 60_000;
  const rate = { preset: 'request-success-rate' as const, query: undefined };

  it('holds a burst whose counters are born with it', async () => {
    const metrics = await countersOf({}, { 2: 105, 5: 75 });
    await expect(metrics.read(rate, scope, since)).resolves.toEqual({
      value: expect.closeTo(58.333, 3) as unknown,
      of: '75 of 180 failed',
    });
  });

  it('is the difference of whole numbers', async () => {
    const metrics = await countersOf({ 2: 900, 5: 10 }, { 2: 1000, 5: 10 });
    await expect(metrics.read(rate, scope, since)).resolves.toEqual({ value: 100, of: '0 of 100 failed' });
  });

  it('is what rose since, where nothing was scraped when the count began', async () => {
    const metrics = await countersOf({}, { 2: 1000 }, false);
    await expect(metrics.read(rate, scope, since)).resolves.toEqual({ value: 100, of: '0 of 1 failed' });
  });

  it('is quiet where no counter rose', async () => {
    const metrics = await countersOf({ 2: 7 }, { 2: 7 });
    await expect(metrics.read(rate, scope, since)).resolves.toMatchObject({ isQuiet: true });
  });

  /** A Prometheus with the counter of one proxy: its samples as seconds before now, by its own clock. */
  async function samplesOf(
    samples: readonly (readonly [agoS: number, value: number])[],
    { aheadS = 0, down = 0 }: { aheadS?: number; down?: number } = {},
  ) {
    const { url } = await aServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://x');
      const query = searchParams.get('query') ?? '';
      const nowS = Date.now() / 1000 + aheadS;
      const atS = Number(searchParams.get('time') ?? nowS);
      const [, spanS = ''] = /\[(\d+)s\]/.exec(query) ?? [];
      const last = samples
        .map(([agoS, value]) => [nowS - agoS, value] as const)
        .findLast(([sampleS]) => sampleS <= atS && sampleS > atS - Number(spanS));
      const one = (value: unknown) => [{ metric: {}, value: [nowS, String(value)] }];
      const series = [{ metric: { pod: 'a', response_code: '503' }, value: [atS, String(last?.[1])] }];
      const result = query.startsWith('time')
        ? one(nowS)
        : query.startsWith('sum((1 - up)')
          ? one(down)
          : query.startsWith('last_over_time') && last
            ? series
            : [];
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
    });
    return prometheusMetrics({ url, flavour: 'istio' });
  }
  const failing = [
    [90, 10],
    [30, 15],
    [5, 20],
  ] as const;

  it.each([0, 600, -600])('is of the same stretch by a clock that is %i s ahead', async (aheadS) => {
    const metrics = await samplesOf(failing, { aheadS });
    await expect(metrics.read(rate, scope, Date.now() - 60_000)).resolves.toEqual({
      value: 0,
      of: '10 of 10 failed',
    });
  });

  it('is no rest while those who count cannot be scraped', async () => {
    const metrics = await samplesOf([[90, 10]], { down: 2 });
    const unseen = {
      noData:
        'whether requests fail is not seen: Prometheus cannot scrape 2 targets that counted these requests (up is 0)',
      isUnjudged: true,
    };
    await expect(metrics.read(rate, scope, Date.now() - 60_000)).resolves.toEqual(unseen);
    const stopped = await samplesOf(failing, { down: 2 });
    await expect(stopped.read(rate, scope, Date.now() - 60_000)).resolves.toEqual(unseen);
    const quiet = await samplesOf([]);
    await expect(quiet.read(rate, scope, Date.now() - 60_000)).resolves.toMatchObject({ isQuiet: true });
  });

  it('says in a proof how often it looked, and what nothing could see', async () => {
    const metrics = await countersOf({}, { 2: 10 });
    const sides = { namespace: 'shop', stable: ['ledger'], canary: [], sinceMs: since, liveMs: since };
    await expect(metrics.summarize(sides)).resolves.toMatchObject({
      requests: 10,
      failed: 0,
      unanswered: null,
      scrapeSeconds: 15,
      byClass: { '2xx': 10 },
      byProxy: { gateway: { requests: 10, failed: 0 } },
    });
  });

  it('holds denials against the side that alone gives them', async () => {
    const counted: Record<string, Record<string, number>> = { ledger: { 200: 100 }, other: { 200: 60, 403: 40 } };
    const { url } = await aServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams.get('query') ?? '';
      const isThen = (request.url ?? '').includes('time=');
      const [, service = ''] = /destination_service=~"\((\w+)\)/.exec(query) ?? [];
      const series = Object.entries(counted[service] ?? {}).map(([code, value]) => ({
        metric: { response_code: code, response_flags: '-', pod: 'a' },
        value: [0, String(value)],
      }));
      const result = query.startsWith('last_over_time') && !isThen ? series : [];
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
    });
    const metrics = prometheusMetrics({ url, flavour: 'istio' });
    const canary = { namespace: 'shop', services: ['other'] };
    await expect(metrics.read(rate, { ...canary, beside: ['ledger'] }, since)).resolves.toEqual({
      value: 60,
      of: '40 of 100 failed, 40 of them denied (401, 403, 429) unlike by the other side',
    });
    await expect(metrics.read(rate, { ...canary, beside: ['other'] }, since)).resolves.toMatchObject({ value: 100 });
  });

  it.each([400, 422])('is refused with %i where the query is wrong', async (status) => {
    const { url } = await aServer((_request, response) => response.writeHead(status).end());
    const asking = prometheusMetrics({ url, flavour: 'istio' }).check('shop', 'sum(');
    await expect(asking).rejects.toThrow(PrometheusRefuses);
  });
});

describe('what arrives at the pods of a workload', () => {
  const side = { namespace: 'shop', workload: 'ledger', pods: ['ledger-a', 'ledger-b'] };
  const http = (pod: string, source = 'unknown') => ({
    ...{ __name__: 'istio_requests_total', pod },
    ...{ source_workload: source, source_workload_namespace: source === 'unknown' ? source : 'batch' },
  });
  const tcp = { __name__: 'istio_tcp_received_bytes_total', pod: 'ledger-a', source_workload: 'unknown' };

  /** @param counters of pods: their labels, their value when the silence would have begun, and their value now */
  async function inboundOf(
    counters: readonly (readonly [labels: Record<string, string>, then: number, now: number])[],
    { everyS = 1, flavour = 'istio' }: { everyS?: number; flavour?: FlavourName } = {},
  ) {
    const { url, asked } = await aServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://x');
      const query = searchParams.get('query') ?? '';
      const nowS = Date.now() / 1000;
      const values = counters.map(([metric, then, now]) => ({
        metric,
        value: [nowS, String(searchParams.has('time') ? then : now)],
      }));
      const samples = [2, 1, 0].map((ago) => [nowS - ago * everyS, '1']);
      const result = query.startsWith('last_over_time')
        ? values
        : query.endsWith('[180s]') && counters.length > 0
          ? [{ metric: {}, values: samples }]
          : query.startsWith('time')
            ? [{ metric: {}, value: [nowS, String(nowS)] }]
            : [];
      const resultType = query.endsWith('[180s]') ? 'matrix' : 'vector';
      response.end(JSON.stringify({ status: 'success', data: { resultType, result } }));
    });
    return { seen: await prometheusMetrics({ url, flavour }).inbound?.(side), asked };
  }

  it('is nothing while no counter rises, over two scrapes at least', async () => {
    const still = [
      [http('ledger-a'), 7, 7],
      [http('ledger-b', 'gateway'), 9, 9],
      [tcp, 100, 100],
    ] as const;
    const silent = { requests: 0, hasBytes: false, pods: 2, callers: [] };
    await expect(inboundOf(still)).resolves.toMatchObject({ seen: { ...silent, overMs: 10_000 } });
    await expect(inboundOf(still, { everyS: 30 })).resolves.toMatchObject({ seen: { ...silent, overMs: 60_000 } });
  });

  it('counts no pod that is gone among those whose counters stand', async () => {
    const { seen } = await inboundOf([
      [http('ledger-a'), 7, 7],
      [http('ledger-of-before'), 9, 9],
    ]);
    expect(seen).toMatchObject({ requests: 0, pods: 1 });
  });

  it('is told with its callers, also by connections that stand', async () => {
    const rising = [
      [http('ledger-a'), 7, 10],
      [http('ledger-b', 'report'), 9, 13],
      [http('ledger-b', 'idle'), 5, 5],
    ] as const;
    const { seen, asked } = await inboundOf(rising);
    expect(seen).toMatchObject({ requests: 7, hasBytes: false, pods: 2, callers: ['batch/report', 'unknown'] });
    const query = asked.map(({ url }) => new URL(url, 'http://x').searchParams.get('query') ?? '');
    for (const one of query.filter((text) => text.startsWith('last_over_time({')))
      expect(one).toContain(
        'reporter="destination",destination_workload="ledger",destination_workload_namespace="shop"}',
      );
    await expect(inboundOf([[tcp, 100, 164]])).resolves.toMatchObject({ seen: { requests: 0, hasBytes: true } });
  });

  it("is asked of the pods' own proxies where these are counted by Envoy alone, and of nobody by routers", async () => {
    const { seen, asked } = await inboundOf([[{ pod: 'ledger-a' }, 1, 2]], { flavour: 'envoy' });
    expect(seen).toMatchObject({ requests: 1, pods: 1 });
    const bytes = { __name__: 'envoy_cluster_upstream_cx_tx_bytes_total', pod: 'ledger-b' };
    const standing = await inboundOf([[bytes, 100, 164]], { flavour: 'envoy' });
    expect(standing.seen).toMatchObject({ requests: 0, hasBytes: true });
    expect(new URL(asked[0]?.url ?? '', 'http://x').searchParams.get('query')).toContain(
      'envoy_cluster_name=~"inbound\\\\|.*",namespace="shop",pod=~"ledger-a|ledger-b"',
    );
    await expect(inboundOf([], { flavour: 'haproxy' })).resolves.toMatchObject({ seen: null, asked: [] });
  });

  it('is unknown where no proxy of the pods is scraped', async () => {
    await expect(inboundOf([])).resolves.toMatchObject({ seen: null });
  });
});

describe("the counters of OpenShift's routers", () => {
  const countersOf = async (answers: Record<string, string>) => {
    const { url, asked } = await aServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams.get('query') ?? '';
      const [, value] = Object.entries(answers).find(([start]) => query.startsWith(start)) ?? [];
      const result = value === undefined ? [] : [{ metric: {}, value: [0, value] }];
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
    });
    return { routers: prometheusMetrics({ url, flavour: 'istio' }).routers, asked };
  };

  it('are asked for the Services of the namespace, whichever flavour the mesh has', async () => {
    const { routers, asked } = await countersOf({ 'count(': '4' });
    await expect(routers?.sees('shop', ['ledger'])).resolves.toBe(true);
    const query = new URL(asked[0]?.url ?? '', 'http://x').searchParams.get('query');
    expect(query).toBe(
      'count(haproxy_server_http_responses_total{exported_namespace="shop",exported_service=~"ledger"})',
    );
  });

  it('that are not there see nothing', async () => {
    const { routers } = await countersOf({});
    await expect(routers?.sees('shop', ['ledger'])).resolves.toBe(false);
    await expect(routers?.recent('shop', ['ledger'])).resolves.toBeNull();
    const away = prometheusMetrics({ url: 'http://127.0.0.1:1', flavour: 'haproxy' }).routers;
    await expect(away?.sees('shop', ['ledger'])).resolves.toBe(false);
  });
});

describe('the review of gates', () => {
  const spec = (gates: object): PlanSpec =>
    planSpecSchema.parse({ workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2', gates });
  const smoke = { name: 'smoke', url: 'https://169.254.169.254/latest', at: 'BeforeShift' };
  const answers: MetricSource = { ...noMetrics, isConfined: false, check: () => Promise.resolve() };
  const review = (gates: object, metrics: MetricSource, queries: 'confined' | 'any' = 'confined') =>
    reviewGatesWith({ allowed: new AllowedHosts('smoke.shop.svc', ''), metrics, queries })(spec(gates), 'shop');

  it('names the host that is not allowed, and the variable that allows it', async () => {
    await expect(review({ metrics: [], webhooks: [smoke] }, answers)).resolves.toMatchObject({
      violations: [
        {
          code: 'WebhookHostNotAllowed',
          field: 'spec.gates.webhooks[0].url',
          message: expect.stringContaining('169.254.169.254') as unknown,
          remedy: expect.stringContaining('WEBHOOK_GATE_HOSTS') as unknown,
        },
      ],
    });
    const allowed = { ...smoke, url: 'http://smoke.shop.svc:8080/run' };
    await expect(review({ metrics: [], webhooks: [allowed] }, answers)).resolves.toEqual({
      violations: [],
      warnings: [],
    });
  });

  it('finds a Prometheus that refuses, says that one is away, and asks none where no gate needs it', async () => {
    await expect(review({}, noMetrics)).resolves.toMatchObject({ violations: [{ code: 'PrometheusRefuses' }] });
    const away = { ...answers, check: () => Promise.reject(new Error('Prometheus does not answer')) };
    await expect(review({}, away)).resolves.toEqual({
      violations: [],
      warnings: ['metric gates cannot be judged now: Prometheus does not answer'],
    });
    await expect(review({ metrics: [] }, noMetrics)).resolves.toEqual({ violations: [], warnings: [] });
  });

  it("refuses a share of latencies where OpenShift's routers are read, which count none", async () => {
    const metrics = prometheusMetrics({ url: 'http://127.0.0.1:1', flavour: 'haproxy' });
    const slow = { name: 'slow', preset: 'request-duration-p99', max: 500 };
    const good = { name: 'good', preset: 'request-success-rate', min: 99 };
    await expect(review({ metrics: [good, slow] }, metrics)).resolves.toMatchObject({
      violations: [{ code: 'PresetNotCounted', field: 'spec.gates.metrics[1].preset' }],
    });
    await expect(review({ metrics: [slow] }, answers)).resolves.toEqual({ violations: [], warnings: [] });
  });

  it('finds a query that Prometheus refuses', async () => {
    const check = (_namespace: string, query?: string) =>
      query === undefined ? Promise.resolve() : Promise.reject(new PrometheusRefuses('Prometheus answered 400'));
    const own = { metrics: [{ name: 'mine', query: 'sum(', max: 1 }] };
    await expect(review(own, { ...answers, isConfined: true, check })).resolves.toMatchObject({
      violations: [{ code: 'QueryRefused', field: 'spec.gates.metrics[0].query' }],
    });
  });

  it('lets a plan ask a query of its own where answers are confined to its namespace, or all may be asked', async () => {
    const own = { metrics: [{ name: 'mine', query: 'secrets_of_others', max: 1 }] };
    await expect(review(own, answers)).resolves.toMatchObject({
      violations: [{ code: 'QueryNotConfined', field: 'spec.gates.metrics[0].query' }],
    });
    await expect(review(own, { ...answers, isConfined: true })).resolves.toEqual({ violations: [], warnings: [] });
    await expect(review(own, answers, 'any')).resolves.toEqual({ violations: [], warnings: [] });
  });
});
