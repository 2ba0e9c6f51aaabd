/**
 * Checks what the chart renders, as strictly as an API server can, against the types of every version of Kubernetes that
 * it is for, and of OpenShift and the Prometheus operator. Needs Go, and fetches its modules. `--report FILE` counts.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { renderChart } from '@scc/dev/chart';
import { parseAllDocuments } from 'yaml';
import { root } from './packages.ts';

const run = promisify(execFile);
const set = (...values: readonly string[]): string[] => values.flatMap((value) => ['--set', value]);

/** Together they render every template. */
const CASES: Readonly<Record<string, string[]>> = {
  'for trying': set('tryout=true', 'monitoring.rules=true', 'monitoring.podMonitor=true'),
  'with everything switched on': set(
    ...['tryout=true', 'api.ingress=true', 'api.host=scc.example', 'api.tlsSecretName=tls', 'namespace.create=true'],
    ...['admissionPolicies.enabled=true', 'worker.namespaces={shop}', 'scheduling.priorityClassName=high'],
    ...['certificates.source=cert-manager', 'temporal.caSecretName=ca', 'database.caSecretName=ca'],
    ...['webhookGates.caSecretName=ca', 'webhook.clientCaSecretName=ca', 'image.pullSecrets={pull}'],
    ...['mesh.prometheusTokenSecretName=token', 'networkPolicies.workerEgress[0].ports[0].port=8443'],
  ),
  'for OpenShift': set(
    ...['platform=openshift', 'certificates.source=service-ca', 'api.route=true', 'api.host=scc.example'],
    ...['tryout=true', 'admissionPolicies.enabled=true', 'monitoring.rules=true', 'monitoring.podMonitor=true'],
  ),
};

interface Checker {
  readonly name: string;
  readonly module: string;
  readonly arguments: readonly string[];
  /** Whether it knows the types of a group of the API. */
  readonly knows: (apiVersion: string) => boolean;
}

const OTHERS = /^(route\.openshift\.io|monitoring\.coreos\.com)\//;
/** Checked nowhere: the module of cert-manager brings most of a cluster with it. SCCs and plans are kinds of CRDs. */
const UNKNOWN = /^(cert-manager\.io|security\.openshift\.io|scc\.poc)\//;

const CHECKERS: readonly Checker[] = [
  ...['1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36'].map((version) => ({
    name: `Kubernetes ${version}`,
    module: 'manifests',
    // The newest is the module's own go.mod.
    arguments: version === '1.36' ? [] : [`-modfile=kubernetes-${version}.mod`],
    knows: (apiVersion: string) => !OTHERS.test(apiVersion) && !UNKNOWN.test(apiVersion),
  })),
  {
    name: 'OpenShift and Prometheus operator',
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

/** What a checker says of objects: a line for each that it refuses. */
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
