import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import type { KubeObject } from '@scc/kube';
import { PLAN_GROUP } from '@scc/plan';
import pino from 'pino';
import { serviceAccountToken, SYSTEM_NAMESPACE, TOKEN_AUDIENCE } from '../cluster/accounts.js';
import { ClusterApi } from '../cluster/api.js';
import type { Installation } from '../cluster/installation.js';
import { applyAll } from '../cluster/manifests.js';
import { trustedWebhooks, WEBHOOK_PORT } from '../cluster/webhooks.js';
import { CONTROL_PLANE } from '../identity/users.js';
import { NodeRunner } from '../kubelet/node-runner.js';
import { WorkloadContainers } from '../kubelet/workloads.js';
import { appMain, behind } from '../paths.js';
import type { Running } from '../supervisor/running.js';
import { ServiceProxy } from '../supervisor/service-proxy.js';
import { ROUTER_RELOAD_MS } from '../haproxy/places.js';
import type { PartContext } from './context.js';
import { overlaid } from './deployment.js';
import { ProductPart } from './product-part.js';
import { databaseUrl, HEALTH_PORTS } from './stores.js';
import { webhookClientFiles } from './webhook-client.js';

/** The product's processes, in the order of their dependencies. */
export const PRODUCT = ['governance', 'worker', 'watcher'] as const;
type Product = (typeof PRODUCT)[number];

const API_PORT = 9443;
const HEALTH_PORT = 9100;
const WEBHOOK_SERVICE_PORT = 443;
/** The third octet of the addresses of the product's pods, less one. */
const SUBNET = 199;
/** A high uid of group 0, as OpenShift would choose one. */
const UID = 1_000_690_000;
const TAINT = 'node-role.kubernetes.io/control-plane';

interface Wiring {
  context: PartContext;
  running: Running;
  api: ClusterApi;
  installation: Installation;
  /** Serves the product's names and the stack's loopback; PEM. */
  certificates: { authority: { certificate: string; key: string }; leaf: { certificate: string; key: string } };
  passwords: { migrator: string; app: string };
  progress: (text: string) => void;
}

/** The stack's own values: what an operator gives the chart. */
const environment = ({ options }: PartContext): Record<Product, Record<string, string>> => {
  const temporal = { TEMPORAL_ADDRESS: '127.0.0.1:7233' };
  const own = {
    governance: {
      ...temporal,
      WEBHOOK_CLIENT_CA_FILE: '/etc/scc/webhook-clients/ca.crt',
      DRAIN_MS: '2000',
      // The usual address; a stack that listens elsewhere says so.
      TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
      AUDIT_ORIGIN: `${PLAN_GROUP}/dev-stack`,
      // Who may give roles to others: kubectl create serviceaccount admin -n scc-system
      ADMIN_USERS: `system:serviceaccount:${SYSTEM_NAMESPACE}:admin`,
    },
    worker: {
      ...temporal,
      PROMETHEUS_URL: 'http://127.0.0.1:9090',
      PROMETHEUS_FLAVOUR: 'envoy',
      PROMETHEUS_PLAN_QUERIES: 'any',
      WEBHOOK_GATE_HOSTS: '127.0.0.1',
      ISTIOD_DEBUG_URL: 'http://127.0.0.1:8081',
      ROUTER_RELOAD_MS: String(ROUTER_RELOAD_MS),
    },
    watcher: temporal,
  };
  const merged = (name: Product): Record<string, string> => ({ ...own[name], ...options.env[name] });
  return { governance: merged('governance'), worker: merged('worker'), watcher: merged('watcher') };
};

const secret = (name: string, stringData: Record<string, string>, kind = 'Secret'): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: SYSTEM_NAMESPACE },
  ...(kind === 'Secret' ? { stringData } : { data: stringData }),
});

/** The ground of the chart's workloads before they start: databases, keys, and certificates as the platform makes them. */
async function prerequisites({ context, certificates, passwords }: Wiring): Promise<KubeObject[]> {
  const { file, options } = context;
  const { authority, leaf } = certificates;
  const pair = { 'tls.crt': leaf.certificate, 'tls.key': leaf.key };
  return [
    secret('scc-database', { url: databaseUrl('scc_app', passwords.app) }),
    secret('scc-database-owner', { url: databaseUrl('scc_migrator', passwords.migrator) }),
    secret('webhook-clients', { 'ca.crt': await readFile(webhookClientFiles(file).authority, 'utf8') }),
    ...(options.sccMode === 'openshift'
      ? [
          secret('governance-tls', pair),
          secret('governance-webhook-tls', pair),
          secret('governance-ca', { 'service-ca.crt': authority.certificate }, 'ConfigMap'),
        ]
      : [
          // Governance rotates from here on; until then one authority is enough for everything that a person opens.
          secret('scc-webhook-tls', {
            ...pair,
            'ca.crt': authority.certificate,
            'ca.key': authority.key,
            since: new Date().toISOString(),
          }),
        ]),
  ];
}

/** Installs and controls the product's workloads. */
class Installer {
  readonly #wiring: Wiring;
  readonly #workloads: WorkloadContainers;
  readonly proxy: ServiceProxy;
  #shared: Promise<void> | undefined;

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
    const { running } = wiring;
    this.#workloads = new WorkloadContainers((name, { exitCode, message = `exit code ${exitCode}` }) =>
      running.exited(name, message),
    );
    this.proxy = new ServiceProxy(this.#apiOf('system:kube-proxy'), SYSTEM_NAMESPACE, this.#logger('service-proxy'));
    running.stops.push(() => this.proxy.stop());
  }

  part(name: Product): ProductPart {
    const { running, context } = this.#wiring;
    const label = `scc-${name}`;
    const replicas = context.options.replicas[name];
    return new ProductPart({
      name,
      label,
      replicas,
      workloads: this.#workloads,
      logFile: running.logOf(name),
      install: () => this.#install(name, label, replicas),
      isReached: () =>
        name !== 'governance' ||
        [
          this.proxy.endpoints('governance', API_PORT),
          this.proxy.endpoints('governance-webhook', WEBHOOK_SERVICE_PORT),
        ].every((endpoints) => endpoints.length >= replicas),
    });
  }

  async #install(name: Product, label: string, replicas: number): Promise<void> {
    const { api, certificates, context, installation } = this.#wiring;
    await (this.#shared ??= this.#installShared());
    const overlay = {
      ...{ node: CONTROL_PLANE, taint: TAINT, runAsUser: UID },
      env: environment(context)[name],
      secrets: name === 'governance' ? { '/etc/scc/webhook-clients': 'webhook-clients' } : {},
    };
    const own = installation.workloads.filter(({ metadata }) => metadata.name === name);
    const jobs = installation.workloads.filter(({ kind }) => kind === 'Job');
    await applyAll(api, [
      ...own.map((deployment) => overlaid(deployment, { ...overlay, replicas })),
      ...(name === 'governance' ? jobs.map((job) => overlaid(job, { ...overlay, env: {}, secrets: {} })) : []),
      ...(name === 'governance' && context.options.sccMode === 'kubernetes'
        ? trustedWebhooks(installation.webhooks, certificates.authority.certificate)
        : []),
    ]);
    await this.#forward(name, label);
  }

  /** The addresses of the stack's loopback, by which people and tests reach the product. */
  async #forward(name: Product, label: string): Promise<void> {
    const host = '127.0.0.1';
    await this.proxy.listen({ host, port: HEALTH_PORTS[name] }, () => {
      const running = this.#workloads.of(label).filter(({ execution }) => execution !== undefined);
      return running.slice(-1).map(({ ip }) => ({ host: ip, port: HEALTH_PORT }));
    });
    if (name !== 'governance') return;
    await this.proxy.also({ host, port: API_PORT }, 'governance', API_PORT);
    await this.proxy.also({ host, port: WEBHOOK_PORT }, 'governance-webhook', WEBHOOK_SERVICE_PORT);
  }

  /** The common ground of all of them: the node on which they run, and what an operator prepares. */
  async #installShared(): Promise<void> {
    const { api, certificates, context, running } = this.#wiring;
    const node = new NodeRunner(CONTROL_PLANE, SUBNET, {
      api: this.#apiOf(`system:node:${CONTROL_PLANE}`),
      logger: this.#logger('control-plane'),
      taint: TAINT,
      workloads: this.#workloads,
      tls: { cert: certificates.leaf.certificate, key: certificates.leaf.key },
      processes: {
        stateDir: context.stateDir,
        apiServer: { host: '127.0.0.1', port: 6443 },
        ...(context.options.background ? { placed: behind } : {}),
      },
    });
    running.stops.push(() => node.stop());
    await Promise.all([node.start(), prerequisites(this.#wiring).then((objects) => applyAll(api, objects))]);
  }

  #apiOf(user: string): ClusterApi {
    const { file, tokens } = this.#wiring.context;
    return new ClusterApi({ host: '127.0.0.1', port: 6443, caFile: file('tls', 'ca.crt'), token: tokens[user] ?? '' });
  }

  #logger(name: string): pino.Logger {
    return pino({ name }, pino.destination({ dest: this.#wiring.running.logOf(name), sync: true }));
  }
}

/** Installs the product's processes that are built and wanted; the others can be started later by name. */
export async function startProduct(wiring: Wiring): Promise<void> {
  const { api, context, running, progress } = wiring;
  const token = await serviceAccountToken(api, { namespace: SYSTEM_NAMESPACE, name: 'worker' }, TOKEN_AUDIENCE);
  await writeFile(context.file('tokens', 'worker.governance'), token, { mode: 0o600 });
  const installer = new Installer(wiring);
  installer.proxy.start();
  await Promise.all(
    PRODUCT.map(async (name) => {
      const part = installer.part(name);
      running.addPart(part);
      const places = Array.from({ length: context.options.replicas[name] }, (_, index) => index + 1);
      if (places.length > 1) for (const place of places) running.addPart(part.pod(place));
      if (!existsSync(appMain(name))) progress(`${name} is not built (npm run build) and stays away`);
      else if (context.options.parts[name]) {
        await part.start();
        progress(`${name} is ready`);
      }
    }),
  );
}
