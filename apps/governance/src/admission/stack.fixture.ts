import type { ChildProcess } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import type { Stack } from '../../../../dev/src/index.js';
import { NODE, ROOT } from '../../../../dev/src/paths.js';
import { readManifests } from '../../../../dev/src/cluster/manifests.js';
import { localWebhooks } from '../../../../dev/src/cluster/webhooks.js';
import { pathOf } from '../../../../dev/src/cluster/api.js';

const HEALTH_PORT = '9599';

export interface WebhookProcess {
  /** Starts it and waits until it is ready. */
  start: (env?: Record<string, string>) => Promise<void>;
  kill: (signal?: NodeJS.Signals) => Promise<void>;
  metrics: () => Promise<string>;
}

/** The webhook as a process of its own inside the network of a stack. */
export function webhookIn(stack: Stack, base: Record<string, string> = {}): WebhookProcess {
  let child: ChildProcess | undefined;
  const logFile = path.join(stack.stateDir, 'logs', 'webhook.log');
  const log = openSync(logFile, 'a');
  const ask = (page: string): Promise<string> =>
    stack.exec('curl', ['--silent', '--show-error', '--fail', `http://127.0.0.1:${HEALTH_PORT}/${page}`]);
  return {
    start: async (env = {}) => {
      const settings = {
        KUBECONFIG: path.join(stack.stateDir, 'kubeconfigs', 'governance'),
        TLS_DIR: path.join(stack.stateDir, 'tls'),
        HEALTH_PORT,
        DRAIN_MS: '500',
        ...base,
        ...env,
      };
      const main = path.join(ROOT, 'dist/apps/governance/src/webhook.js');
      const variables = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
      child = stack.spawn('env', [...variables, NODE, '--enable-source-maps', main], { stdio: ['ignore', log, log] });
      await waitFor(async () => (await ask('readyz')).trim() === 'ok', {
        timeoutMs: 30_000,
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

/** Until then the API server refuses every pod there, for want of its account. */
export const untilPodsMayRun = (stack: Stack, namespace: string): Promise<unknown> =>
  waitFor(() => stack.api.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`), {
    timeoutMs: 60_000,
    what: `the service account of ${namespace}`,
  });

export async function createNamespace<Namespace extends { metadata: { name: string } }>(
  stack: Stack,
  namespace: Namespace,
): Promise<void> {
  await stack.api.create('/api/v1/namespaces', namespace);
  await untilPodsMayRun(stack, namespace.metadata.name);
}

/** Installs the configurations of deploy/webhook, called on the stack's loopback. */
export async function installWebhooks(stack: Stack, ca: string): Promise<void> {
  const manifests = await readManifests(path.join(ROOT, 'deploy', 'webhook'));
  for (const webhook of localWebhooks(manifests, ca)) await stack.api.apply(pathOf(webhook), webhook);
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

/** What is wrong when a call was refused; undefined when it was not. */
export const refusalOf = (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
