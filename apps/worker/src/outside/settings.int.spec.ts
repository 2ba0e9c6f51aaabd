import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { planSpecSchema, type PlanSpecInput, type Violation } from '@scc/plan';
import { loadConfig } from '@scc/runtime';
import { workerConfigSchema } from '../config.js';
import { gateSources } from './gate-sources.js';

/** Refusals that name a setting of the worker: it is set as the message says, and the plan is taken. */

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const REQUIRED = {
  ...{ TEMPORAL_ADDRESS: '127.0.0.1:7233', GOVERNANCE_URL: 'https://governance:8443', GOVERNANCE_TOKEN_FILE: '/token' },
};
/** What a worker with this environment says of a plan's gates. */
async function refusedBy(environment: Record<string, string>, gates: PlanSpecInput['gates']): Promise<Violation[]> {
  const config = loadConfig(workerConfigSchema, { ...REQUIRED, ...environment });
  const workloadRef = { kind: 'Deployment' as const, name: 'ledger' };
  const spec = planSpecSchema.parse({ workloadRef, targetSCC: 'restricted-v2', gates });
  return (await gateSources(config).reviewGates(spec, 'shop')).violations;
}
const codesOf = (violations: Violation[]): string[] => violations.map(({ code }) => code);

/** A Prometheus that knows who asks by a token, and may confine what it answers by a parameter. */
async function aPrometheus(isKnown: (request: IncomingMessage, url: URL) => boolean) {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://prometheus');
    const isApi = url.pathname === '/tenant/api/v1/query';
    const answer = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } });
    response.writeHead(isApi ? (isKnown(request, url) ? 200 : 401) : 404).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const OWN = { metrics: [{ name: 'errors', query: 'sum(errors)', max: 1 }] };
const PRESET = { metrics: [{ name: 'rate', preset: 'request-success-rate' as const, min: 99 }] };

describe('a setting that a refusal names', () => {
  it('lets a webhook gate call its host', async () => {
    const gates = {
      metrics: [],
      webhooks: [{ name: 'smoke', url: 'https://tests.example.org/smoke', at: 'BeforeShift' as const }],
    };
    const [refused, ...others] = await refusedBy({}, gates);
    expect([refused?.code, others]).toEqual(['WebhookHostNotAllowed', []]);
    const [, host = '', setting = ''] = /to add (\S+) to (\w+) of the worker/.exec(refused?.remedy ?? '') ?? [];
    expect(await refusedBy({ [setting]: host }, gates)).toEqual([]);
  });

  it('leads to Prometheus, and says who asks', async () => {
    const url = await aPrometheus(({ headers }) => headers.authorization === 'Bearer known');
    const [nothing] = await refusedBy({}, PRESET);
    expect(nothing?.code).toBe('PrometheusRefuses');
    expect(nothing?.remedy).toContain('PROMETHEUS_URL');
    const [wrong] = await refusedBy({ PROMETHEUS_URL: url }, PRESET);
    expect(wrong?.message).toContain('there is no query API (PROMETHEUS_URL)');
    const right = { PROMETHEUS_URL: `${url}/tenant` };
    const [unknown] = await refusedBy(right, PRESET);
    expect(unknown?.message).toContain('it does not know who asks (PROMETHEUS_TOKEN_FILE)');
    const folder = await mkdtemp(path.join(tmpdir(), 'scc-settings-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const token = path.join(folder, 'token');
    await writeFile(token, 'known\n');
    expect(await refusedBy({ ...right, PROMETHEUS_TOKEN_FILE: token }, PRESET)).toEqual([]);
    expect(await refusedBy({}, { metrics: [] })).toEqual([]);
  });

  it.each([
    ['by a proxy that confines its answer', { PROMETHEUS_NAMESPACE_PARAMETER: 'namespace' }],
    ['unconfined, where the installation lets it', { PROMETHEUS_PLAN_QUERIES: 'any' }],
  ])('lets a gate ask a query of its own: %s', async (_how, setting) => {
    const isConfined = 'PROMETHEUS_NAMESPACE_PARAMETER' in setting;
    const url = await aPrometheus(
      (_request, { searchParams }) => !isConfined || searchParams.get('namespace') === 'shop',
    );
    const leading = { PROMETHEUS_URL: `${url}/tenant` };
    const refused = await refusedBy(leading, OWN);
    expect(codesOf(refused)).toContain('QueryNotConfined');
    expect(refused.find(({ code }) => code === 'QueryNotConfined')?.remedy).toContain(Object.keys(setting)[0]);
    expect(await refusedBy({ ...leading, ...setting }, OWN)).toEqual([]);
  });

  it('is none where a preset does', async () => {
    const url = await aPrometheus(() => true);
    const leading = { PROMETHEUS_URL: `${url}/tenant` };
    expect(codesOf(await refusedBy(leading, OWN))).toEqual(['QueryNotConfined']);
    expect(await refusedBy(leading, PRESET)).toEqual([]);
  });
});
