import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { PLAN_GROUP } from '@scc/plan';
import type { Api } from '../cluster/api.js';
import { serviceAccountToken, SYSTEM_NAMESPACE, TOKEN_AUDIENCE } from '../cluster/accounts.js';
import { WEBHOOK_PORT } from '../cluster/webhooks.js';
import { appMain, NODE, ROOT } from '../paths.js';
import type { PartDefinition } from '../supervisor/process.js';
import { answers, type PartContext } from './context.js';
import { databaseUrl, HEALTH_PORTS } from './stores.js';
import { webhookClientFiles } from './webhook-client.js';

/** The product's processes, in the order in which they start. */
export const PRODUCT = ['governance', 'worker', 'watcher'] as const;
type Product = (typeof PRODUCT)[number];

const API_PORT = 9443;

interface Wiring {
  context: PartContext;
  api: Api;
  /** PEM */
  ca: string;
  passwords: { migrator: string; app: string };
  start: (definition: PartDefinition) => Promise<void>;
  add: (definition: PartDefinition) => unknown;
  progress: (text: string) => void;
}

const environment = ({ context: { file, options }, passwords }: Wiring): Record<Product, Record<string, string>> => {
  const temporal = { TEMPORAL_ADDRESS: '127.0.0.1:7233', TEMPORAL_NAMESPACE: 'scc' };
  return {
    governance: {
      ...temporal,
      DATABASE_URL: databaseUrl('scc_app', passwords.app),
      DATABASE_OWNER_URL: databaseUrl('scc_migrator', passwords.migrator),
      API_HOST: '127.0.0.1',
      API_PORT: String(API_PORT),
      WEBHOOK_HOST: '127.0.0.1',
      WEBHOOK_PORT: String(WEBHOOK_PORT),
      WEBHOOK_CLIENT_CA_FILE: webhookClientFiles(file).authority,
      TLS_DIR: file('tls'),
      SCC_MODE: options.sccMode,
      AUDIT_KEY_FILE: file('audit.key'),
      AUDIT_ORIGIN: `${PLAN_GROUP}/dev-stack`,
      TOKEN_AUDIENCE,
      // Who may give roles to others: kubectl create serviceaccount admin -n scc-system
      ADMIN_USERS: `system:serviceaccount:${SYSTEM_NAMESPACE}:admin`,
    },
    worker: {
      ...temporal,
      GOVERNANCE_URL: `https://127.0.0.1:${API_PORT}`,
      GOVERNANCE_CA_FILE: file('tls', 'ca.crt'),
      GOVERNANCE_TOKEN_FILE: file('tokens', 'worker.governance'),
      PROMETHEUS_URL: 'http://127.0.0.1:9090',
      PROMETHEUS_FLAVOUR: 'envoy',
      PROMETHEUS_PLAN_QUERIES: 'any',
      WEBHOOK_GATE_HOSTS: '127.0.0.1',
      ISTIOD_DEBUG_URL: 'http://127.0.0.1:8081',
    },
    watcher: { ...temporal, LEASE_NAMESPACE: SYSTEM_NAMESPACE, IDENTITY: 'watcher-1' },
  };
};

function definition(name: Product, wiring: Wiring): PartDefinition {
  const { file, options } = wiring.context;
  const port = HEALTH_PORTS[name];
  return {
    name,
    command: NODE,
    args: ['--enable-source-maps', appMain(name)],
    cwd: ROOT,
    env: {
      KUBECONFIG: file('kubeconfigs', name),
      HEALTH_PORT: String(port),
      ...environment(wiring)[name],
      ...options.env[name],
    },
    ready: () => answers(`http://127.0.0.1:${port}/readyz`),
  };
}

/** Starts the product's processes that are built and wanted; the others can be started later by name. */
export async function startProduct(wiring: Wiring): Promise<void> {
  const { api, context, start, add, progress } = wiring;
  const token = await serviceAccountToken(api, { namespace: SYSTEM_NAMESPACE, name: 'worker' }, TOKEN_AUDIENCE);
  await writeFile(context.file('tokens', 'worker.governance'), token, { mode: 0o600 });
  for (const name of PRODUCT) {
    const part = definition(name, wiring);
    if (!existsSync(appMain(name))) {
      progress(`${name} is not built (npm run build) and stays away`);
      add(part);
    } else if (context.options.parts[name]) await start(part);
    else add(part);
  }
}
