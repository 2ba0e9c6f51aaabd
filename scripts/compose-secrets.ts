/**
 * Makes what docker-compose.yml reads below ./local: passwords, the audit key, certificates, and for each process a
 * kubeconfig and the tokens of its own ServiceAccount, through kubectl. Run it again to renew the tokens, which end after a
 * day; what else is there is kept. Containers run as other users than you: files are readable to all, their folder to you.
 *
 *   npm run -s compose:secrets [-- --out DIR] [--without-cluster]
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { issueLeaf, makeAuthority } from '@scc/tls';

const DAY_MS = 24 * 60 * 60_000;
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: path.resolve(import.meta.dirname, '..', 'local') },
    'without-cluster': { type: 'boolean', default: false },
  },
});

/** Written in place, so that a container that has the file mounted sees the new content. */
async function put(name: string, text: string): Promise<void> {
  const file = path.join(values.out, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o444 | 0o200);
}
const kept = async (name: string, make: () => string): Promise<string> => {
  const before = await readFile(path.join(values.out, name), 'utf8').catch(() => undefined);
  const text = before ?? make();
  if (before === undefined) await put(name, text);
  return text;
};
const password = (): string => randomBytes(24).toString('hex');

await mkdir(values.out, { recursive: true });
await chmod(values.out, 0o700);

await kept('postgres/password', password);
const urlOf = (role: string): string => `postgresql://${role}:${password()}@postgres:5432/scc`;
const app = await kept('governance/database.env', () => `DATABASE_URL=${urlOf('scc_app')}\n`);
const owner = await kept('migrate/database.env', () => `DATABASE_OWNER_URL=${urlOf('scc_migrator')}\n`);
const passwordIn = (text: string): string => new URL(text.slice(text.indexOf('=') + 1)).password;
await put(
  'postgres/roles.sql',
  [
    'CREATE ROLE scc_owner NOLOGIN;',
    `CREATE ROLE scc_migrator LOGIN PASSWORD '${passwordIn(owner)}' IN ROLE scc_owner;`,
    `CREATE ROLE scc_app LOGIN PASSWORD '${passwordIn(app)}';`,
    'ALTER DATABASE scc OWNER TO scc_owner;',
    '',
  ].join('\n'),
);
await kept('governance/audit.key', () =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
);

const now = new Date();
const authority = await makeAuthority('scc-compose', { now, lifeMs: 365 * DAY_MS });
const leaf = await issueLeaf(authority, { names: ['governance', 'localhost', '127.0.0.1'], now, lifeMs: 365 * DAY_MS });
if ((await readFile(path.join(values.out, 'governance/tls/tls.crt'), 'utf8').catch(() => undefined)) === undefined) {
  await put('governance/tls/ca.crt', authority.certificate);
  await put('governance/tls/tls.crt', leaf.certificate);
  await put('governance/tls/tls.key', leaf.key);
  await put('worker/governance/ca.crt', authority.certificate);
}

if (!values['without-cluster']) {
  const kubectl = (...args: string[]): string => execFileSync('kubectl', args, { encoding: 'utf8' });
  const token = (account: string, ...more: string[]): string =>
    kubectl('create', 'token', account, '--namespace', 'scc-system', '--duration', '24h', ...more).trim();
  const view = JSON.parse(kubectl('config', 'view', '--raw', '--minify', '--flatten', '--output', 'json')) as {
    clusters: unknown[];
  };
  const cluster = { ...(view.clusters[0] as object), name: 'cluster' };
  for (const account of ['governance', 'worker', 'watcher']) {
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'compose',
      clusters: [cluster],
      users: [{ name: account, user: { token: token(account) } }],
      contexts: [{ name: 'compose', context: { cluster: 'cluster', user: account } }],
    };
    await put(`${account}/kubeconfig`, JSON.stringify(kubeconfig, null, 2));
  }
  await put('worker/governance/token', token('worker', '--audience', 'scc-governance'));
}
console.log(`${values.out} holds the secrets of docker-compose.yml`);
