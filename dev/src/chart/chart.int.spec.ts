import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { configSchema as governanceConfig } from '@scc/governance/config';
import { configSchema as watcherConfig } from '@scc/watcher/config';
import { configSchema as workerConfig } from '@scc/worker/config';
import { parseObjects } from '../cluster/manifests.js';
import { runHelm } from './helm.js';
import { idOf, podsOf, rightsOf } from './objects.fixture.js';
import { CHART, PLATFORMS } from '../cluster/places.js';
import { committedRendering, renderChart, renderForKustomize } from './render.js';

const TRY = ['--set', 'tryout=true'];
const set = (...values: string[]): string[] => values.flatMap((value) => ['--set', value]);
const refusal = async (args: readonly string[]): Promise<string> =>
  renderChart(args).then(
    () => 'nothing was refused',
    (error: unknown) => String(error),
  );

const fromSecrets = z.looseObject({
  projected: z
    .looseObject({
      sources: z.array(
        z.looseObject({
          secret: z
            .looseObject({ name: z.string(), items: z.array(z.looseObject({ key: z.string(), path: z.string() })) })
            .optional(),
        }),
      ),
    })
    .optional(),
});

// Builds helm where no machine has it yet.
beforeAll(() => runHelm(['version']), 900_000);

describe('the chart', () => {
  it.each([
    ['for trying', TRY],
    [
      'for OpenShift',
      [
        ...TRY,
        ...set('platform=openshift', 'certificates.source=service-ca', 'api.route=true', 'api.host=scc.example'),
      ],
    ],
    [
      'with databases of your own',
      set('database.secretName=db', 'temporal.address=temporal:7233', 'image.repository=images.example/scc'),
    ],
  ])(
    'passes helm lint: %s',
    async (_case, args) => {
      expect(await runHelm(['lint', CHART, '--namespace', 'scc-system', '--strict', ...args])).toContain(
        '0 chart(s) failed',
      );
    },
    60_000,
  );

  it.each([
    ['platform=aix', 'platform'],
    ['worker.replicas=0', 'worker/replicas'],
    ['worker.replicas=two', 'worker/replicas'],
    ['worker.namespaces={Shop!}', 'worker/namespaces/0'],
    ['temporal.address=https://temporal', 'temporal/address'],
    ['networkPolicies.podNetworks={ten}', 'networkPolicies/podNetworks/0'],
    ['image.digest=latest', 'image/digest'],
    ['webhook.workloads=block', 'webhook/workloads'],
    ['governance.env.PORT=1', 'governance/env/PORT'],
    ['temporal.tls=perhaps', 'temporal/tls'],
    ['mesh.prometheusHeaders.X-Scope=a\\,b', 'mesh/prometheusHeaders/X-Scope'],
    ['mesh.prometheusPlanQueries=all', 'mesh/prometheusPlanQueries'],
    ['webhookGates.hosts={https://a.example}', 'webhookGates/hosts/0'],
    ['typo=true', 'typo'],
    ['worker.replcas=3', 'replcas'],
  ])(
    'refuses %s and names the field',
    async (value, field) => {
      expect(await refusal([...TRY, ...set(value)])).toContain(field);
    },
    60_000,
  );

  it.each([
    ['no database', set('temporal.address=temporal:7233'), 'database.secretName: is empty; set it to'],
    ['no Temporal', set('database.secretName=db'), 'temporal.address: is empty; set it to'],
    [
      'service-ca without OpenShift',
      [...TRY, ...set('certificates.source=service-ca')],
      'certificates.source: service-ca exists on OpenShift only',
    ],
    [
      'a Route without OpenShift',
      [...TRY, ...set('api.route=true', 'api.host=a.example')],
      'api.route: Routes exist on OpenShift only',
    ],
    ['an Ingress without a host', [...TRY, ...set('api.ingress=true')], 'api.host: is empty'],
    ['another namespace', [...TRY, '--namespace', 'elsewhere'], 'namespace: is elsewhere; install into scc-system'],
  ])(
    'refuses %s, with the remedy',
    async (_case, args, sentence) => {
      expect(await refusal(args)).toContain(sentence);
    },
    60_000,
  );

  it('installs on an empty cluster with one value, and says loudly what that is not for', async () => {
    const objects = parseObjects(await renderChart(TRY));
    expect([...podsOf(objects).keys()].sort()).toEqual([
      ...['governance', 'scc-migrate-1', 'scc-tryout-postgres', 'scc-tryout-temporal'],
      ...['scc-uninstall-check', 'watcher', 'worker'],
    ]);
    expect(await readFile(path.join(CHART, 'templates', 'NOTES.txt'), 'utf8')).toContain('!!! FOR TRYING ONLY !!!');
  }, 60_000);

  it('needs three values with a database, a Temporal and an image of your own', async () => {
    const objects = parseObjects(
      await renderChart(
        set('database.secretName=db', 'temporal.address=temporal:7233', 'image.repository=images.example/scc'),
      ),
    );
    expect(objects.filter(({ metadata }) => metadata.name.includes('tryout'))).toEqual([]);
    expect(podsOf(objects).get('worker')?.spec.containers[0]?.image).toMatch(/^images\.example\/scc:/);
  }, 60_000);

  it('gives the worker its writing rights in the named namespaces alone', async () => {
    const objects = parseObjects(
      await renderChart([...TRY, ...set('worker.namespaces={shop,bank}', 'worker.sccs={restricted-v2}')]),
    );
    const writing = rightsOf(objects, 'worker').filter(({ verbs }) =>
      verbs.some((verb) => ['patch', 'update', 'delete', 'use'].includes(verb)),
    );
    expect([...new Set(writing.map(({ namespace }) => namespace))].sort()).toEqual(['bank', 'shop']);
    expect(writing.filter(({ verbs }) => verbs.includes('use')).map(({ resourceNames }) => resourceNames)).toEqual([
      ['restricted-v2'],
      ['restricted-v2'],
    ]);
  }, 60_000);

  const CONNECTED = set(
    'temporal.address=cloud.example:7233',
    'temporal.namespace=scc.acct',
    'temporal.taskQueue=scc-blue',
    'temporal.tls=always',
    'temporal.caSecretName=temporal-ca',
    'temporal.clientSecretName=temporal-client',
    'temporal.serverName=frontend.example',
    'temporal.apiKeySecretName=temporal-key',
    'mesh.prometheusUrl=https://thanos.example:9091',
    'mesh.prometheusTokenSecretName=prometheus-token',
    'mesh.prometheusCaSecretName=prometheus-ca',
    'mesh.prometheusHeaders.X-Scope-OrgID=shop',
    'mesh.prometheusHeaders.X-Team=a b',
    'mesh.prometheusNamespaceParameter=namespace',
    'mesh.prometheusPlanQueries=any',
    'webhookGates.hosts={checks.example:8443,*.corp.example}',
    'webhookGates.networks={10.1.0.0/16}',
    'webhookGates.caSecretName=gate-ca',
  );

  it('gives each process what it is told of its connections, as the process reads it', async () => {
    const pods = podsOf(parseObjects(await renderChart([...TRY, ...CONNECTED])));
    const environmentOf = (name: string): Record<string, string> =>
      Object.fromEntries(
        (pods.get(name)?.spec.containers[0]?.env ?? []).map((one) => [one.name, one.value ?? 'from:elsewhere']),
      );
    const temporal = {
      TEMPORAL_ADDRESS: 'cloud.example:7233',
      TEMPORAL_NAMESPACE: 'scc.acct',
      TEMPORAL_TLS: 'true',
      TEMPORAL_TLS_CA_FILE: '/etc/scc/temporal/ca.crt',
      TEMPORAL_TLS_CERT_FILE: '/etc/scc/temporal/tls.crt',
      TEMPORAL_TLS_KEY_FILE: '/etc/scc/temporal/tls.key',
      TEMPORAL_TLS_SERVER_NAME: 'frontend.example',
      TEMPORAL_API_KEY_FILE: '/etc/scc/temporal/api-key',
    };
    expect(governanceConfig.parse(environmentOf('governance'))).toMatchObject(temporal);
    expect(watcherConfig.parse(environmentOf('watcher'))).toMatchObject({
      ...temporal,
      TEMPORAL_TASK_QUEUE: 'scc-blue',
    });
    expect(workerConfig.parse(environmentOf('worker'))).toMatchObject({
      ...temporal,
      TEMPORAL_TASK_QUEUE: 'scc-blue',
      PROMETHEUS_URL: 'https://thanos.example:9091',
      PROMETHEUS_TOKEN_FILE: '/etc/scc/prometheus/token',
      PROMETHEUS_CA_FILE: '/etc/scc/prometheus/ca.crt',
      PROMETHEUS_HEADERS: { 'X-Scope-OrgID': 'shop', 'X-Team': 'a b' },
      PROMETHEUS_NAMESPACE_PARAMETER: 'namespace',
      PROMETHEUS_PLAN_QUERIES: 'any',
      WEBHOOK_GATE_HOSTS: 'checks.example:8443,*.corp.example',
      WEBHOOK_GATE_NETWORKS: '10.1.0.0/16',
      WEBHOOK_GATE_CA_FILE: '/etc/scc/webhook-gates/ca.crt',
    });
  }, 60_000);

  it('sets no variable that the process does not read', async () => {
    const pods = podsOf(parseObjects(await renderChart([...TRY, ...CONNECTED])));
    for (const [name, { shape }] of [
      ['governance', governanceConfig],
      ['worker', workerConfig],
      ['watcher', watcherConfig],
    ] as const)
      expect(
        pods.get(name)?.spec.containers[0]?.env.flatMap((one) => (Object.hasOwn(shape, one.name) ? [] : [one.name])),
      ).toEqual([]);
  }, 60_000);

  it('mounts every file of these connections from the Secret that is named', async () => {
    const pods = podsOf(parseObjects(await renderChart([...TRY, ...CONNECTED])));
    const mounted = (name: string): string[] =>
      (pods.get(name)?.spec.containers[0]?.volumeMounts ?? []).flatMap((mount) => {
        const volume = pods.get(name)?.spec.volumes.find((one) => one.name === mount.name);
        const { projected } = fromSecrets.parse(volume);
        return (projected?.sources ?? []).flatMap(({ secret }) =>
          (secret?.items ?? []).map(({ key, path: file }) => `${mount.mountPath}/${file} ${secret?.name ?? ''}.${key}`),
        );
      });
    const temporal = [
      '/etc/scc/temporal/ca.crt temporal-ca.ca.crt',
      '/etc/scc/temporal/tls.crt temporal-client.tls.crt',
      '/etc/scc/temporal/tls.key temporal-client.tls.key',
      '/etc/scc/temporal/api-key temporal-key.api-key',
    ];
    expect(mounted('governance')).toEqual(temporal);
    expect(mounted('watcher')).toEqual(temporal);
    expect(mounted('worker')).toEqual([
      ...temporal,
      '/etc/scc/prometheus/token prometheus-token.token',
      '/etc/scc/prometheus/ca.crt prometheus-ca.ca.crt',
      '/etc/scc/webhook-gates/ca.crt gate-ca.ca.crt',
    ]);
  }, 60_000);

  it('installs policies of the API server only when it is told to, and confines the worker unless told not to', async () => {
    const policies = async (...values: string[]): Promise<string[]> =>
      parseObjects(await renderChart([...TRY, ...set(...values)]))
        .filter(({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' || metadata.name === 'dry-run')
        .map(({ metadata }) => metadata.name)
        .sort();
    const always = ['dry-run', 'dry-runs.scc.poc', 'plan-authority.scc.poc'];
    expect(await policies('platform=kubernetes')).toEqual([]);
    expect(await policies('admissionPolicies.enabled=true', 'admissionPolicies.confineWorker=false')).toEqual(always);
    expect(await policies('admissionPolicies.enabled=true')).toEqual([...always, 'worker-confinement.scc.poc']);
  }, 60_000);

  it('renders the same twice, with no key of the audit log for an upgrade to change', async () => {
    const own = set('database.secretName=db', 'temporal.address=temporal:7233');
    const [first, second] = [await renderChart(own), await renderChart([...own, '--is-upgrade'])];
    expect(second).toBe(first);
    const kept = parseObjects(first).find((object) => idOf(object) === 'Secret scc-system scc-audit-key');
    expect(kept).toMatchObject({ metadata: { annotations: { 'helm.sh/resource-policy': 'keep' } } });
    expect(kept && ('data' in kept || 'stringData' in kept)).toBe(false);
  }, 60_000);

  it('mounts a key of your own, which governance then may not write', async () => {
    const objects = parseObjects(await renderChart([...TRY, ...set('audit.secretName=mine')]));
    expect(objects.find(({ metadata }) => metadata.name === 'scc-audit-key')).toBeUndefined();
    expect(JSON.stringify(rightsOf(objects, 'governance'))).not.toContain('audit-key');
    expect(JSON.stringify(podsOf(objects).get('governance')?.spec.volumes)).toContain('"secretName":"mine"');
  }, 60_000);

  it('refuses to be uninstalled while migrations run, by a hook that prints them', async () => {
    const hook = parseObjects(await renderChart(TRY)).find(
      (object) => idOf(object) === 'Job scc-system scc-uninstall-check',
    );
    expect(hook?.metadata).toMatchObject({
      annotations: { 'helm.sh/hook': 'pre-delete', 'helm.sh/hook-output-log-policy': 'hook-failed' },
    });
  }, 60_000);

  it('keeps the network open to what the platform has elsewhere', async () => {
    const text = await renderChart([...TRY, ...set('platform=openshift')]);
    for (const wanted of [
      'openshift-dns',
      'port: 5353',
      'openshift-monitoring',
      'port: 9091',
      '10.128.0.0/14',
      'openshift-ingress',
    ])
      expect(text).toContain(wanted);
  }, 60_000);

  it('uses every value of its schema', async () => {
    const schema: unknown = JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8'));
    const files = await readdir(path.join(CHART, 'templates'), { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(path.join(file.parentPath, file.name), 'utf8')),
    );
    const templates = texts.join('\n');
    // A template may take a group into a variable first, such as $policies.
    const unused = leavesOf(schema).filter(
      (leaf) => leaf !== 'global' && !templates.includes(`.${leaf.split('.').at(-1) ?? ''}`),
    );
    expect(unused).toEqual([]);
  });
});

function leavesOf(schema: unknown, before: string[] = []): string[] {
  if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return [before.join('.')];
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => leavesOf(value, [...before, name]));
}

describe.each(PLATFORMS)('the committed rendering for %s', (platform) => {
  it('is what the chart renders', async () => {
    const fresh = await renderForKustomize(platform, () => undefined);
    expect(Object.fromEntries(await committedRendering(platform))).toEqual(Object.fromEntries(fresh));
  }, 60_000);
});
