import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { SEARCH_ATTRIBUTES } from '@scc/plan';
import pg from 'pg';
import { stringify } from 'yaml';
import { CHART } from '../cluster/places.js';
import { ROUTER_PORTS } from '../haproxy/places.js';
import { postgresFolder } from '../paths.js';
import type { PartDefinition } from '../supervisor/process.js';
import { answers, type PartContext } from './context.js';
import { GATEWAY, SIDECAR } from './mesh.js';

const run = promisify(execFile);

/** An empty stack's Temporal has no more than what it makes itself: who installs the product brings the rest. */
export function temporal({ binary, file, options }: PartContext): PartDefinition {
  const attributes = Object.values(SEARCH_ATTRIBUTES).flatMap((name) => ['--search-attribute', `${name}=Keyword`]);
  return {
    name: 'temporal',
    command: binary('temporal'),
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', '7233', '--ui-port', '8233'],
      // It outlives the process, and need not outlive the machine: Temporal waits for the disk at each write otherwise.
      ...['--db-filename', file('temporal.db'), '--sqlite-pragma', 'synchronous=OFF'],
      ...(options.empty ? [] : ['--namespace', 'scc', ...attributes]),
    ],
    ready: () => answers(`http://127.0.0.1:8233/api/v1/namespaces/${options.empty ? 'default' : 'scc'}`),
  };
}

/**
 * PostgreSQL refuses to run as root. Root therefore starts it in a user namespace that shows its own uid as that of
 * nobody: no account is made, no file changes hands, and the checkout may lie in root's home.
 */
const unprivileged = (command: string, args: string[]): { command: string; args: string[] } =>
  process.getuid?.() === 0
    ? { command: 'unshare', args: ['-U', '--map-user=65534', '--map-group=65534', command, ...args] }
    : { command, args };

const postgresBinary = (name: 'initdb' | 'postgres'): string => path.join(postgresFolder(), 'bin', name);

export const databaseUrl = (role: string, password: string): string =>
  `postgresql://${role}:${password}@127.0.0.1:5432/scc`;

export async function initDatabase({ file }: Pick<PartContext, 'file'>, superPassword: string): Promise<void> {
  await mkdir(file('postgres'), { recursive: true });
  await writeFile(file('postgres-password'), superPassword, { mode: 0o600 });
  const { command, args } = unprivileged(postgresBinary('initdb'), [
    ...['-D', file('postgres'), '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${file('postgres-password')}`],
    ...['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'],
  ]);
  await run(command, args);
}

export function postgres({ file }: PartContext, superPassword: string): PartDefinition {
  return {
    name: 'postgres',
    ...unprivileged(postgresBinary('postgres'), [
      ...['-D', file('postgres'), '-c', 'listen_addresses=127.0.0.1', '-c', 'port=5432'],
      ...[
        '-c',
        'unix_socket_directories=',
        '-c',
        'fsync=off',
        '-c',
        'shared_buffers=32MB',
        '-c',
        'max_connections=120',
      ],
    ]),
    ready: () => answersQueries(adminUrl(superPassword)),
    stopSignal: 'SIGINT',
  };
}

const adminUrl = (superPassword: string): string => `postgresql://postgres:${superPassword}@127.0.0.1:5432/postgres`;

/** It takes connections before it takes logins: only an answered query says that it is up. */
async function answersQueries(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2000 });
  // A server that goes away under an idle client would otherwise end this process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end();
  }
}

/** Creates the database and its three roles: the owner cannot log in, the app role owns nothing. */
export async function createRoles(superPassword: string, passwords: { migrator: string; app: string }): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl(superPassword) });
  await admin.connect();
  try {
    const literal = (text: string): string => admin.escapeLiteral(text);
    await admin.query('CREATE ROLE scc_owner NOLOGIN');
    await admin.query(`CREATE ROLE scc_migrator LOGIN PASSWORD ${literal(passwords.migrator)} IN ROLE scc_owner`);
    await admin.query(`CREATE ROLE scc_app LOGIN PASSWORD ${literal(passwords.app)}`);
    await admin.query('CREATE DATABASE scc OWNER scc_owner');
  } finally {
    await admin.end();
  }
}

const scrape = (job: string, metricsPath: string, targets: string[], labels: Record<string, string> = {}): object => ({
  job_name: job,
  metrics_path: metricsPath,
  static_configs: [{ targets, labels }],
});

/** As OpenShift's monitoring labels its routers; of the same labels in what they say, Prometheus makes `exported_`. */
const OF_ROUTERS = { namespace: 'openshift-ingress', service: 'router-internal-default', pod: 'router-default' };

/** Ports of the stack's loopback that lead to the health servers of the product's pods. */
export const HEALTH_PORTS = { governance: 9101, worker: 9102, watcher: 9103 } as const;

export const prometheusConfig = (): string =>
  stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '5s' },
    rule_files: [path.join(CHART, 'files', 'alerts.yaml')],
    scrape_configs: [
      scrape(
        'envoy',
        '/stats/prometheus',
        [GATEWAY, SIDECAR].map(({ adminPort }) => `127.0.0.1:${adminPort}`),
      ),
      scrape(
        'product',
        '/metrics',
        Object.values(HEALTH_PORTS).map((port) => `127.0.0.1:${port}`),
      ),
      scrape('router', '/metrics', [`127.0.0.1:${ROUTER_PORTS.metrics}`], OF_ROUTERS),
    ],
  });

export const prometheus = ({ binary, file }: PartContext): PartDefinition => ({
  name: 'prometheus',
  command: binary('prometheus'),
  args: [
    `--config.file=${file('prometheus.yaml')}`,
    `--storage.tsdb.path=${file('prometheus')}`,
    '--web.listen-address=127.0.0.1:9090',
    '--storage.tsdb.retention.time=1d',
    '--log.level=warn',
  ],
  ready: () => answers('http://127.0.0.1:9090/-/ready'),
});
