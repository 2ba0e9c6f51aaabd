import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { ROOT, type Stack, waitForAnswers, waitForDeployments } from '../../src/index.js';
import { condition, type Engine, NAMESPACE, TIMEOUT_MS } from '../engine.fixture.js';

/** A workload whose pods have proxies of their own, as a mesh injects them: their counters say what arrives at the pods. */

const NAME = 'counted';
const PORTS = { proxy: 8080, app: 8081, admin: 15000 };
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app%3D${NAME}`;
const JOB = 'own-proxies';

const socket = (port: number) => ({ socket_address: { address: '$(POD_IP)', port_value: port } });
const HTTP_MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** As the part of a sidecar's configuration that takes what arrives at a pod; its cluster has the name that Istio gives. */
const inbound = {
  admin: { address: socket(PORTS.admin) },
  static_resources: {
    listeners: [
      {
        name: 'virtualInbound',
        address: socket(PORTS.proxy),
        filter_chains: [
          {
            filters: [
              {
                name: 'envoy.filters.network.http_connection_manager',
                typed_config: {
                  '@type': `type.googleapis.com/${HTTP_MANAGER}`,
                  stat_prefix: 'inbound',
                  route_config: {
                    virtual_hosts: [
                      {
                        ...{ name: 'all', domains: ['*'] },
                        routes: [{ match: { prefix: '/' }, route: { cluster: `inbound|${PORTS.proxy}||` } }],
                      },
                    ],
                  },
                  http_filters: [
                    {
                      name: 'envoy.filters.http.router',
                      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        ...{ name: `inbound|${PORTS.proxy}||`, type: 'STATIC', connect_timeout: '1s' },
        load_assignment: {
          cluster_name: `inbound|${PORTS.proxy}||`,
          endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(PORTS.app) } }] }],
        },
      },
    ],
  },
};

const ready = (port: number, at: string) => ({ readinessProbe: { httpGet: { path: at, port }, periodSeconds: 1 } });
const containers = [
  { name: 'app', image: 'scc.poc/healthy:1', ports: [{ containerPort: PORTS.app }], ...ready(PORTS.app, '/readyz') },
  {
    ...{ name: 'proxy', image: 'scc.poc/envoy:1', ports: [{ name: 'http', containerPort: PORTS.proxy }] },
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    args: ['--disable-hot-restart', '--concurrency', '1', '-l', 'warning', '--config-yaml', JSON.stringify(inbound)],
    ...ready(PORTS.admin, '/ready'),
    // It goes on taking requests while proxies learn that the pod is going, as the application does.
    lifecycle: { preStop: { sleep: { seconds: 3 } } },
  },
];

const podSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  status: z.looseObject({ podIP: z.string() }),
});
const objectSchema = z.looseObject({ kind: z.string() });
const scrapesSchema = z.looseObject({ scrape_configs: z.array(z.looseObject({ job_name: z.string() })) });

/** Applies a copy of a sample, with proxies in its pods. */
async function deploy(stack: Stack): Promise<void> {
  const sample = await readFile(path.join(ROOT, 'dev', 'samples', 'catalog.yaml'), 'utf8');
  const objects = sample.replaceAll('catalog', NAME).split(/^---$/m);
  const edited = objects.map((text) => {
    const object = objectSchema.parse(parse(text));
    if (object.kind !== 'Deployment') return object;
    const { spec } = z.looseObject({ spec: z.looseObject({ template: z.looseObject({}) }) }).parse(object);
    const template = z.looseObject({ spec: z.looseObject({}) }).parse(spec.template);
    return { ...object, spec: { ...spec, template: { ...template, spec: { ...template.spec, containers } } } };
  });
  await stack.apply(edited.map((object) => stringify(object)).join('---\n'));
  await waitForDeployments(stack.api, NAMESPACE);
  await waitForAnswers(stack.addresses.sidecar, NAME);
}

/** Has the stack's Prometheus scrape the proxies of these pods, under the labels of a cluster's. */
async function scrape(stack: Stack, pods: readonly z.infer<typeof podSchema>[]): Promise<void> {
  const file = path.join(stack.stateDir, 'prometheus.yaml');
  const config = scrapesSchema.parse(parse(await readFile(file, 'utf8')));
  const job = {
    ...{ job_name: JOB, metrics_path: '/stats/prometheus' },
    static_configs: pods.map(({ metadata: { name: pod }, status: { podIP } }) => ({
      ...{ targets: [`${podIP}:${PORTS.admin}`], labels: { namespace: NAMESPACE, pod } },
    })),
  };
  const others = config.scrape_configs.filter(({ job_name: name }) => name !== JOB);
  await writeFile(file, stringify({ ...config, scrape_configs: [...others, job] }));
  await stack.part('prometheus').signal('SIGHUP');
}

/** Calls a pod past every proxy of callers, over and over, until it is told to stop. */
function callPast(stack: Stack, { status: { podIP } }: z.infer<typeof podSchema>): () => void {
  const loop = `while :; do curl -s -o /dev/null http://${podIP}:${PORTS.proxy}/; sleep 0.2; done`;
  const caller = stack.spawn('sh', ['-c', loop], { stdio: 'ignore' });
  return () => void caller.kill();
}

/** Declares its test, on the stack of the engine's suite. */
export function ownProxies({ apply, until, untilPhase, remains }: Engine, stackOf: () => Stack): void {
  it(
    'is rolled once nothing arrives at its own pods any more, and says before who still calls them',
    async () => {
      const stack = stackOf();
      await deploy(stack);
      const pods = z.array(podSchema).parse((await stack.api.list(PODS)).items);
      await scrape(stack, pods);
      const [called] = pods;
      if (!called) throw new Error('no pod');
      const stop = callPast(stack, called);
      try {
        await apply(NAME, NAME, {
          traffic: { mirror: { duration: '0s' }, weights: [100], interval: '2s' },
          gates: { metrics: [], readiness: { timeout: '60s' } },
        });
        const isSaid = 'its own pods are not silent yet';
        const { conditions = [], phase } = await until(
          NAME,
          (status) => condition(status, 'Progressing')?.message.includes(isSaid) ?? false,
          'said to be called past its routes',
        );
        expect(phase).toBe('Migrating');
        expect(conditions.find(({ type }) => type === 'Progressing')).toMatchObject({
          ...{ status: 'False' },
          message: expect.stringMatching(
            /\d+ requests reached the own pods of counted in \d+ s, by the counters/,
          ) as unknown,
        });
      } finally {
        stop();
      }
      const status = await untilPhase(NAME, 'Completed');
      expect(condition(status, 'StableSilent')).toMatchObject({
        ...{ status: 'True', reason: 'CountersStand' },
        message: `no request reached the own pods of ${NAME} for 10 s, by the counters of 3 pods`,
      });
      expect(await remains()).toEqual([]);
      await scrape(stack, []);
    },
    2 * TIMEOUT_MS,
  );
}
