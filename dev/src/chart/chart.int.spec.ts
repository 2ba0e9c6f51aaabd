import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { governanceConfigSchema } from '@scc/governance/config';
import { watcherConfigSchema } from '@scc/watcher/config';
import { workerConfigSchema } from '@scc/worker/config';
import { parseObjects } from '../cluster/manifests.js';
import { ROOT } from '../paths.js';
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
    ['image.repository=a b', 'image/repository'],
    ['image.tag=a:b', 'image/tag'],
    ['database.port=70000', 'database/port'],
    ['database.secretName=My_Secret', 'database/secretName'],
    ['database.ownerRole=a b', 'database/ownerRole'],
    ['audit.origin=a+b', 'audit/origin'],
    ['networkPolicies.podNetworks={300.0.0.0/8}', 'networkPolicies/podNetworks/0'],
    ['networkPolicies.apiServers={10.0.0.0/33}', 'networkPolicies/apiServers/0'],
    ['networkPolicies.dnsPort=-1', 'networkPolicies/dnsPort'],
    ['networkPolicies.workerEgress[0].port=443', 'networkPolicies/workerEgress/0'],
    ['scheduling.tolerations[0].effect=Never', 'scheduling/tolerations/0/effect'],
    ['governance.resources.limits.memory=much', 'governance/resources/limits/memory'],
    ['worker.resources.request.cpu=1', 'worker/resources'],
    ['watcher.env.A-B=1', 'watcher/env'],
    ['monitoring.labels.-a=c', 'monitoring/labels'],
    ['api.host=https://scc.example', 'api/host'],
    ['webhook.drainSeconds=1000', 'webhook/drainSeconds'],
    ['uninstall.check=maybe', 'uninstall/check'],
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
      ...['governance', 'scc-default-sccs', 'scc-migrate', 'scc-tryout-postgres', 'scc-tryout-temporal'],
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

  it('gives the worker its writing rights in the named namespaces and in that of undos alone', async () => {
    const objects = parseObjects(
      await renderChart([...TRY, ...set('worker.namespaces={shop,bank}', 'worker.sccs={restricted-v2}')]),
    );
    // Campaigns have no namespace; of them it writes the status alone.
    const writing = rightsOf(objects, 'worker').filter(
      ({ verbs, resources }) =>
        verbs.some((verb) => ['patch', 'update', 'delete', 'bind'].includes(verb)) &&
        !(resources.length === 1 && resources[0] === 'sccmigrationcampaigns/status'),
    );
    expect([...new Set(writing.map(({ namespace }) => namespace))].sort()).toEqual(['bank', 'scc-undo', 'shop']);
    expect(writing.filter(({ verbs }) => verbs.includes('bind')).map(({ resourceNames }) => resourceNames)).toEqual([
      ['system:openshift:scc:restricted-v2'],
      ['system:openshift:scc:restricted-v2'],
    ]);
    expect(rightsOf(objects, 'dry-run').map(({ namespace, verbs }) => [namespace, verbs])).toEqual([
      ['shop', ['create']],
      ['bank', ['create']],
    ]);
  }, 60_000);

  it('lets the worker get ConfigMaps of the whole cluster, unless its callers are not to be read there', async () => {
    const ofAll = async (...values: string[]) =>
      rightsOf(parseObjects(await renderChart([...TRY, ...set(...values)])), 'worker').filter(
        ({ resources, resourceNames }) => resources.includes('configmaps') && resourceNames === undefined,
      );
    expect((await ofAll()).map(({ verbs }) => verbs)).toEqual([['get']]);
    expect(await ofAll('worker.callersInConfigMaps=false')).toEqual([]);
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
    'notifications.hosts={hooks.example,*.corp.example:8443}',
    'notifications.networks={10.2.0.0/16}',
    'notifications.secretName=receivers',
    'notifications.caSecretName=receivers-ca',
    'tracing.endpoint=https://otel.observability:4318/otlp',
    'tracing.namespace=observability',
    'tracing.samplePercent=25',
    'tracing.headersSecretName=otel',
    'tracing.caSecretName=otel-ca',
  );

  it('gives each process what it is told of its connections, as the process reads it', async () => {
    const pods = podsOf(parseObjects(await renderChart([...TRY, ...CONNECTED])));
    const environmentOf = (name: string): Record<string, string> =>
      Object.fromEntries(
        (pods.get(name)?.spec.containers[0]?.env ?? []).map((one) => [one.name, one.value ?? 'from:else=where']),
      );
    const connected = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.observability:4318/otlp',
      OTEL_EXPORTER_OTLP_HEADERS: { 'from:else': 'where' },
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/etc/scc/tracing/ca.crt',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: 0.25,
      TEMPORAL_ADDRESS: 'cloud.example:7233',
      TEMPORAL_NAMESPACE: 'scc.acct',
      TEMPORAL_TLS: 'true',
      TEMPORAL_TLS_CA_FILE: '/etc/scc/temporal/ca.crt',
      TEMPORAL_TLS_CERT_FILE: '/etc/scc/temporal/tls.crt',
      TEMPORAL_TLS_KEY_FILE: '/etc/scc/temporal/tls.key',
      TEMPORAL_TLS_SERVER_NAME: 'frontend.example',
      TEMPORAL_API_KEY_FILE: '/etc/scc/temporal/api-key',
    };
    expect(governanceConfigSchema.parse(environmentOf('governance'))).toMatchObject({
      ...connected,
      NOTIFICATION_HOSTS: 'hooks.example,*.corp.example:8443',
      NOTIFICATION_NETWORKS: '10.2.0.0/16',
      NOTIFICATION_SECRETS_DIR: '/etc/scc/notifications',
      NOTIFICATION_CA_FILE: '/etc/scc/notifications-ca/ca.crt',
    });
    expect(watcherConfigSchema.parse(environmentOf('watcher'))).toMatchObject({
      ...connected,
      TEMPORAL_TASK_QUEUE: 'scc-blue',
    });
    expect(workerConfigSchema.parse(environmentOf('worker'))).toMatchObject({
      ...connected,
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
      ['governance', governanceConfigSchema],
      ['worker', workerConfigSchema],
      ['watcher', watcherConfigSchema],
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
    const tracing = '/etc/scc/tracing/ca.crt otel-ca.ca.crt';
    expect(mounted('governance')).toEqual([...temporal, tracing]);
    expect(mounted('watcher')).toEqual([...temporal, tracing]);
    expect(mounted('worker')).toEqual([
      ...temporal,
      tracing,
      '/etc/scc/prometheus/token prometheus-token.token',
      '/etc/scc/prometheus/ca.crt prometheus-ca.ca.crt',
      '/etc/scc/webhook-gates/ca.crt gate-ca.ca.crt',
    ]);
  }, 60_000);

  it('confines dry runs, governance where it writes namespaces and, unless it is told not to, the worker, and installs the policy of plans when it is told to', async () => {
    const policies = async (...values: string[]): Promise<string[]> =>
      parseObjects(await renderChart([...TRY, ...set(...values)]))
        .filter(({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' || metadata.name === 'dry-run')
        .map(({ metadata }) => metadata.name)
        .sort();
    const always = ['dry-run', 'dry-runs.scc.poc', 'governance-confinement.scc.poc'];
    const plans = ['campaign-authority.scc.poc', ...always, 'plan-authority.scc.poc'];
    const worker = 'worker-confinement.scc.poc';
    expect(await policies('platform=kubernetes')).toEqual([...always, worker]);
    expect(await policies('admissionPolicies.confineWorker=false')).toEqual(always);
    expect(await policies('admissionPolicies.enabled=true', 'admissionPolicies.confineWorker=false')).toEqual(plans);
    expect(await policies('admissionPolicies.enabled=true')).toEqual([...plans, worker]);
    // OpenShift writes the ranges of namespaces itself.
    expect(await policies('platform=openshift')).toEqual(['dry-run', 'dry-runs.scc.poc', worker]);
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

  it.each([
    ['kubernetes', { dns: 'kube-system 53', prometheus: 'monitoring 9090', ingress: ['istio-ingress'] }],
    [
      'openshift',
      {
        dns: 'openshift-dns 5353',
        prometheus: 'openshift-monitoring,openshift-user-workload-monitoring 9091',
        ingress: ['istio-ingress', 'openshift-ingress'],
      },
    ],
  ])(
    'lets the Pods reach what %s has where it has it',
    async (platform, { dns, prometheus, ingress }) => {
      const rule = z.object({
        ports: z.array(z.looseObject({ port: z.union([z.number(), z.string()]) })),
        to: z.unknown().optional(),
        from: z.unknown().optional(),
      });
      const policy = z.looseObject({ ingress: z.array(rule).default([]), egress: z.array(rule).default([]) });
      const policies = parseObjects(await renderChart([...TRY, ...set(`platform=${platform}`)])).filter(
        ({ kind }) => kind === 'NetworkPolicy',
      );
      const rules = (name: string, direction: 'ingress' | 'egress'): string[] => {
        const spec = policies.find(({ metadata }) => metadata.name === name)?.['spec'];
        return policy.parse(spec)[direction].map(({ ports, to, from }) => {
          const namespaces = JSON.stringify(to ?? from ?? []).matchAll(/"kubernetes\.io\/metadata\.name":"([^"]+)"/g);
          return `${[...namespaces].map(([, namespace]) => namespace).join(',')} ${ports[0]?.port ?? ''}`;
        });
      };
      expect(rules('scc-to-cluster-and-temporal', 'egress')).toEqual(expect.arrayContaining([dns, ' 443']));
      expect(rules('scc-worker-to-governance-and-mesh', 'egress')).toEqual(
        expect.arrayContaining([prometheus, 'istio-system 8080', ' api']),
      );
      expect(rules('scc-health-from-monitoring', 'ingress')).toEqual([prometheus.replace(/ .*/, ' health')]);
      expect(rules('scc-api-from-product-and-ingress', 'ingress')).toEqual([`${ingress.join(',')} api`]);
    },
    60_000,
  );

  it.each([
    ['networkPolicies.dnsNamespace=dns', 'metadata.name: dns'],
    ['networkPolicies.dnsPort=1053', 'port: 1053'],
    ['networkPolicies.prometheusPort=10902', 'port: 10902'],
    ['networkPolicies.monitoringNamespaces={metrics}', 'metadata.name: metrics'],
    ['networkPolicies.meshNamespace=mesh', 'metadata.name: mesh'],
    ['networkPolicies.podNetworks={10.1.0.0/16,fd00::/48}', 'except: ["fd00::/48"]'],
    ['networkPolicies.apiServers={192.0.2.1/32}', 'cidr: 192.0.2.1/32'],
    ['networkPolicies.ingressNamespaces={edge}', 'metadata.name: edge'],
    ['networkPolicies.workerEgress[0].ports[0].port=8443', 'port: 8443'],
    ['networkPolicies.governanceEgress[0].ports[0].port=3128', 'port: 3128'],
  ])(
    'takes %s into its network policies',
    async (value, text) => {
      const rendered = await renderChart([...TRY, ...set(value), '--show-only', 'templates/network.yaml']);
      expect(rendered).toContain(text);
    },
    60_000,
  );

  it('makes the Ingress and the Route that lead to the API', async () => {
    const at = (...values: string[]) =>
      renderChart([...TRY, ...set('api.host=scc.example', ...values)]).then((text) =>
        parseObjects(text).filter(({ kind }) => kind === 'Ingress' || kind === 'Route'),
      );
    const ingress = await at('api.ingress=true', 'api.ingressClassName=nginx', 'api.tlsSecretName=scc-tls');
    expect(ingress).toMatchObject([
      {
        metadata: { annotations: { 'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS' } },
        spec: {
          ingressClassName: 'nginx',
          tls: [{ hosts: ['scc.example'], secretName: 'scc-tls' }],
          rules: [{ host: 'scc.example', http: { paths: [{ backend: { service: { name: 'governance' } } }] } }],
        },
      },
    ]);
    const route = await at('platform=openshift', 'certificates.source=service-ca', 'api.route=true');
    expect(route).toMatchObject([
      {
        spec: {
          host: 'scc.example',
          to: { kind: 'Service', name: 'governance' },
          port: { targetPort: 'https-api' },
          tls: { termination: 'reencrypt' },
        },
      },
    ]);
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

  it('refuses a value of another type for every field, and names each', async () => {
    const schema: unknown = JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8'));
    const leaves = leavesOf(schema).filter((leaf) => leaf !== 'global');
    const nonsense: Record<string, unknown> = {};
    for (const leaf of leaves) {
      const names = leaf.split('.');
      let group = nonsense;
      for (const name of names.slice(0, -1)) group = (group[name] ??= {}) as Record<string, unknown>;
      group[names.at(-1) ?? ''] = 3.5;
    }
    const folder = await mkdtemp(path.join(tmpdir(), 'scc-values-'));
    const file = path.join(folder, 'values.json');
    await writeFile(file, JSON.stringify(nonsense));
    const said = await refusal(['--values', file]);
    await rm(folder, { recursive: true });
    expect(leaves.filter((leaf) => !said.includes(`'/${leaf.replaceAll('.', '/')}'`))).toEqual([]);
  }, 60_000);

  it('alerts on metrics that the processes have, and the runbook says what to do', async () => {
    const objects = parseObjects(await renderChart([...TRY, ...set('monitoring.rules=true')]));
    const rules = JSON.stringify(objects.filter(({ kind }) => kind === 'PrometheusRule'));
    const used = [...new Set(rules.match(/scc_[a-z_]+/g))];
    expect(used.length).toBeGreaterThan(5);
    const files = await Promise.all(
      ['apps', 'libs'].map((folder) => readdir(path.join(ROOT, folder), { recursive: true, withFileTypes: true })),
    );
    const sources = files
      .flat()
      .filter(({ name, parentPath }) => name.endsWith('.ts') && parentPath.includes(`${path.sep}src`));
    const texts = await Promise.all(
      sources.map(({ name, parentPath }) => readFile(path.join(parentPath, name), 'utf8')),
    );
    const runbook = await readFile(path.join(ROOT, 'docs', 'RUNBOOK.md'), 'utf8');
    const alerts = rules.match(/"alert":"\w+"/g) ?? [];
    expect(alerts.map((alert) => alert.slice(9, -1)).filter((name) => !runbook.includes(`\`${name}\``))).toEqual([]);
    const code = texts.join('\n');
    const short = (metric: string): string => metric.replace(/^scc_governance_/, '');
    const written = (metric: string): string[] => [
      `'${metric}'`,
      `'${short(metric)}'`,
      `\`\${PREFIX}${short(metric)}\``,
    ];
    expect(used.filter((metric) => !written(metric).some((text) => code.includes(text)))).toEqual([]);
  }, 60_000);

  it('is scraped where it says, and by whom the network lets in', async () => {
    const all = parseObjects(
      await renderChart([...TRY, ...set('monitoring.podMonitor=true', 'monitoring.labels.release=prom')]),
    );
    const monitor = all.find(({ kind }) => kind === 'PodMonitor');
    expect(monitor).toMatchObject({
      metadata: { labels: { release: 'prom' } },
      spec: { podMetricsEndpoints: [{ port: 'health', path: '/metrics' }] },
    });
    for (const name of ['governance', 'worker', 'watcher'])
      expect(JSON.stringify(podsOf(all).get(name)?.spec)).toContain('"name":"health"');
    const unasked = parseObjects(await renderChart(TRY));
    expect(unasked.filter(({ apiVersion }) => apiVersion.startsWith('monitoring.'))).toEqual([]);
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
