/**
 * Checks what the chart renders, as strictly as an API server can, against the types of every version of Kubernetes that
 * it is for, and of OpenShift and the Prometheus operator. Needs Go, and fetches its modules. `--report FILE` counts.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { renderChart } from '@scc/dev/chart';
import { parseAllDocuments } from 'yaml';
import { root } from './packages.ts';

const run = promisify(execFile);
const set = (...values: readonly string[]): string[] => values.flatMap((value) => ['--set', value]);

/** The ways to install each platform; the rest of a case is `EXTRAS` or nothing. */
const PLATFORM = {
  kubernetes: { certificates: ['rotation', 'cert-manager'], entrances: ['api.ingress=true', 'api.tlsSecretName=tls'] },
  openshift: { certificates: ['rotation', 'cert-manager', 'service-ca'], entrances: ['api.ingress=true'] },
} as const;
const STORES = {
  tryout: ['tryout=true'],
  own: ['database.secretName=db', 'database.ownerSecretName=owner', 'temporal.address=temporal.example:7233'],
  'own without migration': ['database.secretName=db', 'temporal.address=temporal.example:7233'],
} as const;
/** Every value that adds an object or a field. */
const EXTRAS = [
  ...['namespace.create=true', 'api.host=scc.example', 'api.ingressClassName=nginx', 'admissionPolicies.enabled=true'],
  ...['worker.namespaces={shop,bank}', 'worker.sccs={restricted-v2}', 'worker.env.LOG_LEVEL=debug'],
  ...['worker.moreKinds[0].apiGroups={example.com}', 'worker.moreKinds[0].resources={widgets}'],
  ...['governance.replicas=1', 'governance.adminUsers={ada}', 'audit.secretName=audit', 'image.pullSecrets={pull}'],
  ...['scheduling.priorityClassName=high', 'scheduling.nodeSelector.pool=infra', 'scheduling.tolerations[0].key=infra'],
  ...['scheduling.tolerations[0].operator=Exists', 'database.caSecretName=ca', 'webhook.exemptNamespaces={edge}'],
  'scheduling.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1',
  'scheduling.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key=a',
  'scheduling.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].operator=Exists',
  ...['webhookGates.hosts={checks.example}', 'webhookGates.networks={10.0.0.0/8}', 'webhookGates.caSecretName=ca'],
  ...['webhook.clientCaSecretName=ca', 'webhook.guardedSccs.anyuid={ada}', 'mesh.istiodDebugUrl=http://istiod:8080'],
  'mesh.istiodTokenOverHttp=true',
  ...['mesh.prometheusUrl=https://prometheus:9091', 'mesh.prometheusTokenSecretName=token'],
  ...['mesh.prometheusCaSecretName=ca', 'mesh.prometheusHeaders.X-Scope-OrgID=shop'],
  ...['networkPolicies.workerEgress[0].ports[0].port=8443', 'networkPolicies.governanceEgress[0].ports[0].port=3128'],
  ...['networkPolicies.apiServers={192.0.2.1/32}', 'monitoring.rules=true', 'monitoring.podMonitor=true'],
];
const OWN_TEMPORAL = [
  ...['temporal.caSecretName=ca', 'temporal.clientSecretName=client', 'temporal.apiKeySecretName=key'],
  ...['temporal.serverName=temporal.example', 'temporal.tls=always'],
];
const LESS = [
  'networkPolicies.enabled=false',
  'worker.callersInConfigMaps=false',
  'defaultSccs=false',
  'uninstall.check=false',
  'webhook.exec=false',
];

/** Every combination that the chart offers of platform, certificates and stores, with all that it adds and with nothing. */
const CASES: Readonly<Record<string, string[]>> = Object.fromEntries(
  Object.entries(PLATFORM).flatMap(([platform, { certificates, entrances }]) =>
    certificates.flatMap((source) =>
      Object.entries(STORES).flatMap(([stores, values]) => {
        const base = [`platform=${platform}`, `certificates.source=${source}`, ...values];
        const entrance = source === 'service-ca' ? ['api.route=true'] : entrances;
        const more = [...EXTRAS, ...entrance, ...(stores === 'tryout' ? [] : OWN_TEMPORAL)];
        const name = `${platform}, ${source}, ${stores}`;
        return [
          [`${name}, with everything`, set(...base, ...more)],
          [`${name}, with little`, set(...base, ...LESS)],
        ];
      }),
    ),
  ),
);

interface Checker {
  readonly name: string;
  readonly module: string;
  readonly arguments: readonly string[];
  /** Whether it knows the types of a group of the API. */
  readonly knows: (apiVersion: string) => boolean;
}

const OTHERS = /^(route\.openshift\.io|security\.openshift\.io|monitoring\.coreos\.com|cert-manager\.io)\//;

const CHECKERS: readonly Checker[] = [
  ...['1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36'].map((version) => ({
    name: `Kubernetes ${version}`,
    module: 'manifests',
    // The newest is the module's own go.mod.
    arguments: version === '1.36' ? [] : [`-modfile=kubernetes-${version}.mod`],
    knows: (apiVersion: string) => !OTHERS.test(apiVersion),
  })),
  {
    name: 'OpenShift, Prometheus operator and cert-manager',
    module: 'manifests-others',
    arguments: [],
    knows: (apiVersion: string) => OTHERS.test(apiVersion),
  },
];

interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** A checker's findings on objects: a line for each that it refuses. */
function refusals(checker: string, objects: readonly Rendered[]): Promise<string> {
  const child = spawn(checker, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  child.stdin.end(objects.map((object) => `${JSON.stringify(object)}\n`).join(''));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(said.trim());
      else reject(new Error(`${checker} ended with ${code}`));
    });
  });
}

/** A field that no kind has; a checker that takes it checks nothing. */
const WRONG: Rendered = Object.assign(
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'wrong' } },
  { spec: { prots: [] } },
);

const { values } = parseArgs({ options: { report: { type: 'string' } } });
const rendered = new Map<string, Rendered[]>();
for (const [name, args] of Object.entries(CASES)) {
  const documents = parseAllDocuments(await renderChart(args)).map((document) => document.toJSON() as Rendered | null);
  rendered.set(
    name,
    documents.filter((object) => object !== null),
  );
}
rendered.set(
  'the default SCCs',
  parseAllDocuments(
    await readFile(path.join(root, 'deploy', 'helm', 'files', 'sccs', 'default-sccs.yaml'), 'utf8'),
  ).map((document) => document.toJSON() as Rendered),
);
const figures = { objects: 0, failed: 0 };
const fail = (text: string): void => {
  console.error(text);
  figures.failed += 1;
};

async function check(checker: Checker, program: string): Promise<void> {
  await run('go', ['build', '-mod=readonly', ...checker.arguments, '-o', program, '.'], {
    cwd: path.join(root, 'dev', 'modules', checker.module),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
  });
  if ((await refusals(program, [WRONG])) === '') fail(`${checker.name}: takes a field that no kind has`);
  for (const [name, objects] of rendered) {
    const known = objects.filter(({ apiVersion }) => checker.knows(apiVersion));
    const said = await refusals(program, known);
    figures.objects += known.length;
    for (const line of said.split('\n').filter(Boolean)) fail(`${checker.name}, ${name}: ${line}`);
  }
  console.log(`${checker.name}: checked`);
}

const folder = await mkdtemp(path.join(tmpdir(), 'scc-manifests-'));
try {
  for (const checker of CHECKERS) await check(checker, path.join(folder, 'check'));
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${figures.objects} objects, ${figures.failed} refused`);
if (values.report !== undefined) await writeFile(values.report, JSON.stringify(figures));
process.exitCode = figures.failed > 0 ? 1 : 0;
