import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { ClusterApi } from '../cluster/api.js';
import { applyAll, readObjects } from '../cluster/manifests.js';
import { mustExist, systemNamespace } from '../cluster/contents.js';
import { readInstallation, type Installation } from '../cluster/installation.js';
import { WEBHOOK_SERVICE } from '../cluster/webhooks.js';
import { SYSTEM_NAMESPACE, writeAccountKubeconfig } from '../cluster/accounts.js';
import { kubeconfig } from '../identity/kubeconfig.js';
import { issueLeaf, makeAuthority, type Issued } from '@scc/tls';
import { serviceAccountKeys } from '../identity/tls.js';
import { randomToken, tokensCsv, users } from '../identity/users.js';
import { fileIn, type PartContext } from '../parts/context.js';
import { apiServer, auditPolicy, controllerManager, etcd, scheduler } from '../parts/kubernetes.js';
import { kubelet } from '../parts/kubelet.js';
import { envoy, GATEWAY, istiod, meshConfig, SIDECAR, writeBootstrap } from '../parts/mesh.js';
import { serveInstallation } from '../parts/installed.js';
import { PRODUCT, startProduct } from '../parts/product.js';
import { services } from '../parts/services.js';
import { createRoles, initDatabase, postgres, prometheus, prometheusConfig, temporal } from '../parts/stores.js';
import { writeWebhookClient } from '../parts/webhook-client.js';
import { memoryLimits } from '../supervisor/memory.js';
import { setUpNetwork } from '../supervisor/network.js';
import type { Boot, Message } from '../supervisor/protocol.js';
import { relay } from '../supervisor/relay.js';
import { RELAYS, relaySocket } from '../supervisor/relays.js';
import { Running } from '../supervisor/running.js';

const INSIDE_API = 'https://127.0.0.1:6443';
/** Long enough that governance, which keeps its certificate from here on, does not renew it at once. */
const CERTIFICATE_LIFE_MS = 2 * 365 * 24 * 60 * 60 * 1000;
/** Of the API server and of governance, as a person and as the cluster calls them. */
const SERVED_NAMES = [
  ...['scc-dev-stack', 'localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
  ...[WEBHOOK_SERVICE, `${WEBHOOK_SERVICE}.cluster.local`],
  ...[`governance.${SYSTEM_NAMESPACE}.svc`, `governance.${SYSTEM_NAMESPACE}.svc.cluster.local`],
  ...['127.0.0.1', '10.96.0.1'],
];

/**
 * Starts every part, each as soon as what it needs is ready.
 * @throws PartError of the first part that does not get ready; the caller then ends the namespace.
 */
export async function bootStack(
  boot: Boot,
  tell: (message: Message) => void,
  early: (running: Running) => void,
): Promise<void> {
  const started = performance.now();
  const running = new Running(boot.stateDir, (part, detail) => tell({ kind: 'exited', part, detail }), boot.options);
  early(running);
  const progress = (text: string): void =>
    tell({ kind: 'progress', text, ms: Math.round(performance.now() - started) });
  const limits = await memoryLimits();
  if (typeof limits === 'string') progress(`limits of memory are not enforced: ${limits}`);
  await setUpNetwork();
  const prepared = await prepare(boot);
  const { context, api } = prepared;
  const { empty, parts, sccMode } = boot.options;
  const installation = empty ? null : await readInstallation(sccMode);
  const start = async (definition: Parameters<Running['start']>[0]): Promise<void> => {
    await running.start(definition);
    progress(`${definition.name} is ready`);
  };

  const { authority } = prepared.certificates;
  const product = async (stores: Promise<unknown>): Promise<void> => {
    if (!installation) {
      await serveInstallation(context, running);
      return;
    }
    await Promise.all(
      PRODUCT.map((name) => writeAccountKubeconfig(api, name, { file: context.file, ca: authority.certificate })),
    );
    // It would wait for them, too, and look again only after a while.
    await stores;
    await startProduct({ running, installation, progress, ...prepared });
  };
  const cluster = async (stores: Promise<unknown>): Promise<void> => {
    await start(etcd(context));
    await start(apiServer(context, api));
    const contents = fillCluster(api, boot.crds, installation);
    const controllers = [start(controllerManager(context)), start(scheduler(context))];
    await Promise.all([
      ...controllers,
      contents.then(() => start(kubelet(context))),
      ...(boot.options.served.length > 0 ? [contents.then(() => start(services(context)))] : []),
      ...(parts.mesh ? [contents.then(() => startMesh(context, start))] : []),
      Promise.all([contents, ...controllers]).then(() => product(stores)),
    ]);
  };
  const database = async (): Promise<void> => {
    await initDatabase(context, prepared.passwords.superuser);
    await start(postgres(context, prepared.passwords.superuser));
    if (!empty) await createRoles(prepared.passwords.superuser, prepared.passwords);
  };
  const stores = Promise.all([
    ...(parts.temporal ? [start(temporal(context))] : []),
    ...(parts.postgres ? [database()] : []),
  ]);
  await Promise.all([cluster(stores), stores, ...(parts.prometheus ? [start(prometheus(context))] : [])]);
  for (const { name, host, port } of RELAYS)
    running.relays.push(await relay({ path: relaySocket(boot.stateDir, name) }, { host, port }));
  api.close();
}

async function startMesh(
  context: PartContext,
  start: (definition: Parameters<Running['start']>[0]) => Promise<void>,
): Promise<void> {
  await Promise.all([writeBootstrap(context, GATEWAY), writeBootstrap(context, SIDECAR)]);
  await start(istiod(context));
  await Promise.all([start(envoy(context, GATEWAY)), start(envoy(context, SIDECAR))]);
}

/** @param installation null leaves the cluster without the product */
async function fillCluster(
  api: ClusterApi,
  others: readonly string[],
  installation: Installation | null,
): Promise<void> {
  const read = await Promise.all(others.map((file) => readObjects(file)));
  // The namespace comes before the labels that the installation gives it.
  const first = installation ? [systemNamespace(), ...installation.crds] : [];
  await applyAll(api, [...mustExist(), ...read.flat(), ...first]);
  await applyAll(api, installation?.objects ?? []);
}

interface Prepared {
  context: PartContext;
  api: ClusterApi;
  certificates: { authority: Issued; leaf: Issued };
  passwords: { superuser: string; migrator: string; app: string };
}

/** Writes the identities and configuration files that the parts read. */
async function prepare({ stateDir, binaries, options, ports }: Boot): Promise<Prepared> {
  const file = fileIn(stateDir);
  await Promise.all(['tls', 'kubeconfigs', 'tokens'].map((folder) => mkdir(file(folder), { mode: 0o700 })));
  const life = { now: new Date(), lifeMs: CERTIFICATE_LIFE_MS };
  const authority = await makeAuthority('scc-dev-stack-ca', life);
  const server = await issueLeaf(authority, { names: SERVED_NAMES, ...life });
  const keys = serviceAccountKeys();
  const all = users(options.nodes);
  const tokens = Object.fromEntries(all.map(({ name }) => [name, randomToken()]));
  const secret = { mode: 0o600 };
  const ca = authority.certificate;
  const configFor = (address: string, user: string): string =>
    kubeconfig({ server: address, ca, user, credential: { token: tokens[user] ?? '' } });
  await Promise.all([
    writeWebhookClient(file),
    writeFile(file('tls', 'ca.crt'), ca),
    writeFile(file('tls', 'tls.crt'), server.certificate),
    writeFile(file('tls', 'tls.key'), server.key, secret),
    writeFile(file('tokens', 'admin'), tokens['admin'] ?? '', secret),
    writeFile(file('sa.pub'), keys.publicKey),
    writeFile(file('sa.key'), keys.privateKey, secret),
    writeFile(file('tokens.csv'), tokensCsv(all, tokens), secret),
    writeFile(file('audit-policy.yaml'), auditPolicy()),
    writeFile(file('mesh.yaml'), meshConfig()),
    writeFile(file('prometheus.yaml'), prometheusConfig()),
    writeFile(file('kubeconfig'), configFor(`https://127.0.0.1:${ports['kubernetes'] ?? 0}`, 'admin'), secret),
    ...all.map(({ name }) =>
      writeFile(file('kubeconfigs', name.replace(/^.*:/, '')), configFor(INSIDE_API, name), secret),
    ),
  ]);
  const context: PartContext = {
    stateDir,
    file,
    options,
    tokens,
    binary: (name) => {
      const found = binaries[name];
      if (found === undefined || !existsSync(found)) throw new Error(`no binary for ${name}`);
      return found;
    },
  };
  const api = new ClusterApi({
    host: '127.0.0.1',
    port: 6443,
    caFile: file('tls', 'ca.crt'),
    token: tokens['admin'] ?? '',
  });
  return {
    context,
    api,
    certificates: { authority, leaf: server },
    passwords: { superuser: randomToken(), migrator: randomToken(), app: randomToken() },
  };
}
