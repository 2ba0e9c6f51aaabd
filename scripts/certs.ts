/**
 * Makes a certificate authority and a serving certificate: ca.crt, ca.key, tls.crt and tls.key. An authority that the
 * folder holds already is kept and signs again; `--patch` also tells the API server of it, through kubectl.
 *
 *   npm run -s certs -- --out DIR [--name DNS-OR-IP]... [--days 30] [--authority-days 365] [--new-authority] [--patch]
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { issueLeaf, makeAuthority } from '@scc/tls';

const DAY_MS = 24 * 60 * 60_000;
const SERVICE = ['governance-webhook.scc-system.svc', 'governance-webhook.scc-system.svc.cluster.local'];
const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    name: { type: 'string', multiple: true, default: SERVICE },
    days: { type: 'string', default: '30' },
    'authority-days': { type: 'string', default: '365' },
    'new-authority': { type: 'boolean', default: false },
    patch: { type: 'boolean', default: false },
  },
});
const folder = values.out;
if (folder === undefined) {
  console.error('usage: npm run -s certs -- --out DIR [--name DNS-OR-IP]... [--days N] [--new-authority] [--patch]');
  process.exit(2);
}

const now = new Date();
const file = (name: string): string => path.join(folder, name);
const read = (name: string): Promise<string | undefined> => readFile(file(name), 'utf8').catch(() => undefined);
await mkdir(folder, { recursive: true, mode: 0o700 });
const [knownCertificate, knownKey] = values['new-authority'] ? [] : [await read('ca.crt'), await read('ca.key')];
const authority =
  knownCertificate && knownKey
    ? { certificate: knownCertificate, key: knownKey }
    : await makeAuthority('scc-webhook', { now, lifeMs: Number(values['authority-days']) * DAY_MS });
const leaf = await issueLeaf(authority, { names: values.name, now, lifeMs: Number(values.days) * DAY_MS });
const secret = { mode: 0o600 };
await Promise.all([
  writeFile(file('ca.crt'), authority.certificate),
  writeFile(file('ca.key'), authority.key, secret),
  writeFile(file('tls.crt'), leaf.certificate),
  writeFile(file('tls.key'), leaf.key, secret),
]);
console.log(`wrote ca.crt, ca.key, tls.crt and tls.key for ${values.name.join(', ')} to ${folder}`);

if (values.patch) {
  const caBundle = Buffer.from(authority.certificate).toString('base64');
  for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
    const kubectl = (...args: string[]): string => execFileSync('kubectl', args, { encoding: 'utf8' });
    const { webhooks = [] } = JSON.parse(kubectl('get', kind, 'scc-webhook', '-o', 'json')) as { webhooks?: unknown[] };
    const patch = webhooks.map((_webhook, index) => ({
      op: 'add',
      path: `/webhooks/${index}/clientConfig/caBundle`,
      value: caBundle,
    }));
    console.log(kubectl('patch', kind, 'scc-webhook', '--type=json', '-p', JSON.stringify(patch)).trim());
  }
}
