import type { ChildProcess } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KubeError } from '@scc/kube';
import { messageOf, waitFor } from '@scc/runtime';
import { z } from 'zod';
import { readInstallation } from './cluster/installation.js';
import { localWebhooks, WEBHOOK_PORT } from './cluster/webhooks.js';
import type { Stack } from './index.js';
import { NODE, ROOT } from './paths.js';

/** The parts of a stack that a webhook alone does not need. */
export const ALONE = {
  mesh: false,
  temporal: false,
  postgres: false,
  prometheus: false,
  governance: false,
  worker: false,
  watcher: false,
};

const HEALTH_PORT = 9599;

export interface WebhookProcess {
  /** Starts it and waits until it is ready. */
  start: (env?: Record<string, string>) => Promise<void>;
  /** Sends a signal and waits until it has ended. */
  kill: (signal?: NodeJS.Signals) => Promise<void>;
  metrics: () => Promise<string>;
}

/** The webhook as a process of its own inside the network of a stack; each one beside others has a port for its health. */
export function webhookIn(stack: Stack, base: Record<string, string> = {}, healthPort = HEALTH_PORT): WebhookProcess {
  let child: ChildProcess | undefined;
  const logFile = path.join(stack.stateDir, 'logs', `webhook-${healthPort}.log`);
  const log = openSync(logFile, 'a');
  const ask = (page: string): Promise<string> =>
    stack.exec('curl', ['--silent', '--show-error', '--fail', `http://127.0.0.1:${healthPort}/${page}`]);
  return {
    start: async (env = {}) => {
      const settings = {
        KUBECONFIG: path.join(stack.stateDir, 'kubeconfigs', 'governance'),
        TLS_DIR: path.join(stack.stateDir, 'tls'),
        WEBHOOK_CLIENT_CA_FILE: path.join(stack.stateDir, 'tls', 'webhook-clients.crt'),
        HEALTH_PORT: String(healthPort),
        DRAIN_MS: '500',
        ...base,
        ...env,
      };
      const main = path.join(ROOT, 'apps/governance/dist/webhook.js');
      const variables = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
      child = stack.spawn('env', [...variables, NODE, '--enable-source-maps', main], { stdio: ['ignore', log, log] });
      await waitFor(async () => (await ask('readyz')).trim() === 'ok', {
        timeoutMs: 90_000,
        everyMs: 200,
        what: 'the webhook',
      }).catch((error: unknown) => {
        throw new Error(`the webhook is not ready: ${readFileSync(logFile, 'utf8').slice(-2000)}`, { cause: error });
      });
    },
    kill: async (signal = 'SIGKILL') => {
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child?.kill(signal);
      await ended;
    },
    metrics: () => ask('metrics'),
  };
}

/** How often one endpoint of the webhook was asked, for all answers. */
export async function reviewsOf({ metrics }: Pick<WebhookProcess, 'metrics'>, endpoint: string): Promise<number> {
  const lines = (await metrics()).matchAll(/^scc_webhook_reviews_total\{path="([^"]+)".*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, of, count]) => sum + (of === endpoint ? Number(count) : 0), 0);
}

/** A namespace under admission that has its ids already. */
export const enforcedNamespace = (name: string) => ({
  apiVersion: 'v1' as const,
  kind: 'Namespace' as const,
  metadata: {
    name,
    labels: { 'scc.poc/enforce': 'true' },
    annotations: {
      'openshift.io/sa.scc.uid-range': '1000700000/10000',
      'openshift.io/sa.scc.supplemental-groups': '1000700000/10000',
      'openshift.io/sa.scc.mcs': 's0:c27,c4',
    },
  },
});

/** A pod that must run under restricted-v2 and, with the uid 0, may not. */
export const aPod = (namespace: string, name: string, uid?: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, annotations: { 'openshift.io/required-scc': 'restricted-v2' } },
  spec: {
    containers: [
      {
        name: 'app',
        image: 'scc.poc/healthy:1',
        ...(uid === undefined ? {} : { securityContext: { runAsUser: uid } }),
      },
    ],
  },
});

/** Creates a pod. @param query `?dryRun=All` only tries it */
export const createPod = (
  { api }: Pick<Stack, 'api'>,
  pod: { metadata: { namespace: string } },
  query = '',
): Promise<unknown> => api.create(`/api/v1/namespaces/${pod.metadata.namespace}/pods${query}`, pod);

const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.looseObject({
    containers: z.array(z.looseObject({ name: z.string(), securityContext: z.looseObject({}).optional() })),
  }),
});
export const parsePod = (pod: unknown): z.infer<typeof podSchema> => podSchema.parse(pod);
/** The pods of a namespace, or of all. */
export const podsIn = async ({ api }: Pick<Stack, 'api'>, namespace?: string): Promise<z.infer<typeof podSchema>[]> =>
  (await api.list(`/api/v1${namespace === undefined ? '' : `/namespaces/${namespace}`}/pods`)).items.map(parsePod);

/** Until then the API server refuses every pod there, because its account is missing. */
export const untilPodsMayRun = (stack: Stack, namespace: string): Promise<unknown> =>
  waitFor(() => stack.api.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`), {
    timeoutMs: 60_000,
    what: `the service account of ${namespace}`,
  });

export async function createNamespace(
  stack: Stack,
  namespace: { apiVersion: 'v1'; kind: 'Namespace'; metadata: { name: string; labels?: object; annotations?: object } },
): Promise<void> {
  await stack.api.create('/api/v1/namespaces', namespace);
  await untilPodsMayRun(stack, namespace.metadata.name);
}

/** The chart's configurations as Helm applies them: without entries. */
export async function applyConfigurations({ api }: Pick<Stack, 'api'>): Promise<void> {
  const { webhooks } = await readInstallation('kubernetes');
  for (const { apiVersion, kind, metadata } of webhooks) await api.apply({ apiVersion, kind, metadata }, 'helm');
}

/** Writes the chart's entries for the webhook to install, called on the stack's loopback. @returns the file */
export async function writeEntries(stack: Stack): Promise<string> {
  const { webhooks } = await readInstallation('kubernetes');
  const entriesOf = (kind: string): unknown =>
    localWebhooks(webhooks, '')
      .filter((configuration) => configuration.kind === kind)
      .flatMap((configuration) => z.array(entrySchema).parse(configuration['webhooks']));
  const file = path.join(stack.stateDir, 'webhook-entries.yaml');
  const entries = {
    mutating: entriesOf('MutatingWebhookConfiguration'),
    validating: entriesOf('ValidatingWebhookConfiguration'),
  };
  writeFileSync(file, JSON.stringify(entries));
  return file;
}

/** The authority is not the installation's: what serves knows it. */
const entrySchema = z.looseObject({
  clientConfig: z.looseObject({ url: z.string() }).transform(({ url }) => ({ url })),
});

/** Installs the chart's configurations with their entries, called on the stack's loopback. */
export async function installWebhooks(stack: Stack): Promise<void> {
  const ca = readFileSync(path.join(stack.stateDir, 'tls', 'ca.crt'), 'utf8');
  const { webhooks } = await readInstallation('kubernetes');
  for (const webhook of localWebhooks(webhooks, ca)) await stack.api.apply(webhook);
}

/**
 * Stands at the address that the API server calls, as the Service before replicas does: new connections go to those that
 * say that they are ready, in turn; open ones stay where they are. Without any it keeps connections and never answers.
 * It prints a line for each connection.
 */
const SERVICE = `
  const { connect, createServer } = require('node:net');
  const replicas = JSON.parse(process.argv[1]);
  let ready = [];
  let turn = 0;
  const isReady = ({ healthPort }) =>
    fetch('http://127.0.0.1:' + healthPort + '/readyz').then((answer) => answer.ok, () => false);
  const look = async () => {
    const answers = await Promise.all(replicas.map(isReady));
    ready = replicas.filter((_replica, index) => answers[index]);
    setTimeout(look, 100);
  };
  const server = createServer((client) => {
    console.log('connection');
    client.on('error', () => undefined);
    if (replicas.length === 0) return;
    if (ready.length === 0) return client.destroy();
    const replica = connect(ready[(turn += 1) % ready.length].port, '127.0.0.1');
    replica.on('error', () => client.destroy());
    client.on('close', () => replica.destroy());
    replica.on('close', () => client.destroy());
    client.pipe(replica).pipe(client);
  });
  look().then(() => server.listen(${WEBHOOK_PORT}, '127.0.0.1', () => console.log('listening')));
`;

export interface Service {
  /** How many there were so far. */
  connections: () => number;
  stop: () => Promise<void>;
}

/** A Service at the address that the API server calls, before replicas that listen elsewhere; a black hole without any. */
export async function startService(
  stack: Stack,
  replicas: readonly { port: number; healthPort: number }[],
): Promise<Service> {
  const child = stack.spawn(NODE, ['-e', SERVICE, JSON.stringify(replicas)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 0;
  child.stdout?.on('data', (text: Buffer) => (lines += text.toString().split('\n').length - 1));
  await waitFor(() => lines > 0, { timeoutMs: 10_000, what: 'the service' });
  return {
    connections: () => lines - 1,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await ended;
    },
  };
}

const INJECTOR_PORT = 9445;
/** Another product's webhook: puts a container into every pod that lacks it. */
const INJECTOR = `
  const { readFileSync } = require('node:fs');
  const [folder] = process.argv.slice(1);
  const read = (name) => readFileSync(folder + '/' + name);
  require('node:https').createServer({ key: read('tls.key'), cert: read('tls.crt') }, (request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      const { uid, object } = JSON.parse(text).request;
      const isThere = object.spec.containers.some(({ name }) => name === 'sidecar');
      const add = [{ op: 'add', path: '/spec/containers/-', value: { name: 'sidecar', image: 'scc.poc/healthy:1' } }];
      const patch = isThere ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(add)).toString('base64') };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true, ...patch } }));
    });
  }).listen(${INJECTOR_PORT}, '127.0.0.1');
`;

/** Lets a webhook that is called after ours inject a container into the pods of a namespace. @returns what ends it */
export async function startInjector(stack: Stack, namespace: string): Promise<() => Promise<void>> {
  const folder = path.join(stack.stateDir, 'tls');
  const child = stack.spawn(NODE, ['-e', INJECTOR, folder], { stdio: 'ignore' });
  const url = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations`;
  const webhook = {
    name: 'injector.example.org',
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig: {
      url: `https://127.0.0.1:${INJECTOR_PORT}/`,
      caBundle: readFileSync(path.join(folder, 'ca.crt')).toString('base64'),
    },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
  };
  await stack.api.create(url, { metadata: { name: 'zz-injector' }, webhooks: [webhook] });
  return async () => {
    await stack.api.call('DELETE', `${url}/zz-injector`);
    child.kill();
  };
}

/** The fault of a call that was refused, with the status of the API server; undefined when it was not. */
export const refusalOf = (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => (error instanceof KubeError ? `HTTP ${error.status} ${error.message}` : messageOf(error)),
  );

/** Calls of hooks that failed open so far: the API server tells them to its log alone. */
export const failedOpen = (stack: Stack): string[] =>
  readFileSync(stack.part('kube-apiserver').logFile, 'utf8').match(/^.*failing open.*$/gm) ?? [];
