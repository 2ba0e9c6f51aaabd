import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { waitFor } from '@scc/runtime';
import { startStack, type Stack } from '../../src/index.js';
import { startCreations } from './creations.fixture.js';
import {
  ALONE,
  aPod,
  createNamespace,
  createPod,
  enforcedNamespace,
  failedOpen,
  installWebhooks,
  refusalOf,
  webhookIn,
  type WebhookProcess,
} from '../../src/webhook.fixture.js';
import { type Issued, issueLeaf, makeAuthority } from '@scc/tls';
import { configurationSchema, CONFIGURATIONS } from '@scc/admission/testing';

/**
 * What cert-manager does to certificates that the webhook reads from files: its cainjector writes `caBundle` at once,
 * and the kubelet exchanges the mounted Secret later, all files in one moment, by a symbolic link.
 */

const HOUR_MS = 3_600_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** How long the kubelet lags behind; a minute on a cluster. */
const LAG_MS = 2000;

let stack: Stack;
let webhook: WebhookProcess;
let folder: string;
let authority: Issued;
beforeAll(async () => {
  stack = await startStack({ nodes: 1, parts: ALONE });
  folder = path.join(stack.stateDir, 'mounted');
  authority = await makeAuthority('governance-webhook-authority', life(100));
  await mount(await leaf(1));
  webhook = webhookIn(stack, { WEBHOOK_TLS: 'files', TLS_DIR: folder });
  await webhook.start();
  await installWebhooks(stack);
  await inject(authority);
  await createNamespace(stack, enforcedNamespace('mounted'));
}, 120_000);
afterAll(() => stack.stop(), 60_000);

const life = (hours: number) => ({ now: new Date(), lifeMs: hours * HOUR_MS });

/** Certificates are told apart by their ends. */
const leaf = (hours: number): Promise<Issued> => issueLeaf(authority, { names: ['127.0.0.1'], ...life(hours) });

/** The same authority with a new certificate, as of a Certificate with `rotationPolicy: Never`. */
async function renewed({ certificate, key }: Issued): Promise<Issued> {
  const known = new x509.X509Certificate(certificate);
  const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' });
  const keys = {
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', known.publicKey.rawData, ALGORITHM, true, ['verify']),
  };
  const next = await x509.X509CertificateGenerator.createSelfSigned({
    name: known.subject,
    notBefore: known.notBefore,
    notAfter: new Date(Date.now() + 200 * HOUR_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${next.toString('pem')}\n`, key };
}

let versions = 0;
/** As the kubelet does: the files lie in a folder of their own, to which a link leads. */
async function mount({ certificate, key }: Issued): Promise<void> {
  const version = `..version-${(versions += 1)}`;
  await mkdir(path.join(folder, version), { recursive: true });
  const files = { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': authority.certificate };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(path.join(folder, version, name), content, { mode: 0o600 });
    if (versions === 1) await symlink(path.join('..data', name), path.join(folder, name));
  }
  await symlink(version, path.join(folder, '..data-next'));
  await rename(path.join(folder, '..data-next'), path.join(folder, '..data'));
}

/** As cainjector does. */
async function inject({ certificate }: Issued): Promise<void> {
  const caBundle = Buffer.from(certificate).toString('base64');
  for (const { kind, name } of CONFIGURATIONS) {
    const url = `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s/${name}`;
    const found = configurationSchema.parse(await stack.api.get(url));
    for (const { clientConfig } of found.webhooks ?? []) clientConfig.caBundle = caBundle;
    await stack.api.call('PUT', url, found);
  }
}

async function metric(name: string): Promise<number> {
  const line = (await webhook.metrics()).split('\n').find((text) => text.startsWith(name));
  return Number(line?.split(' ').at(-1));
}
const servedHours = async (): Promise<number> => {
  const end = await metric('scc_webhook_certificate_end_seconds{certificate="leaf"}');
  return Math.round((end * 1000 - Date.now()) / HOUR_MS);
};
const untilServed = (hours: number): Promise<unknown> =>
  waitFor(async () => (await servedHours()) === hours, {
    timeoutMs: 30_000,
    everyMs: 200,
    what: `a certificate of ${hours} hours`,
  });

describe('certificates that cert-manager keeps current', () => {
  it('change under a stream of pods without a call that fails, and a broken pair changes nothing', async () => {
    const tried = (): Promise<string | undefined> =>
      refusalOf(createPod(stack, aPod('mounted', 'first'), '?dryRun=All'));
    await waitFor(async () => (await tried()) === undefined, { timeoutMs: 30_000, what: 'the authority' });
    const before = failedOpen(stack).length;
    const creations = startCreations(stack, { namespace: 'mounted', rate: 40 });

    await mount(await leaf(2));
    await untilServed(2);

    authority = await renewed(authority);
    await inject(authority);
    // Meanwhile the API server knows the new certificate of the authority only, and the old chain is served.
    await delay(LAG_MS);
    await mount(await leaf(3));
    await untilServed(3);

    const [one, other] = [await leaf(4), await leaf(5)];
    const failures = await metric('scc_webhook_certificate_failures_total');
    await mount({ certificate: one.certificate, key: other.key });
    await waitFor(async () => (await metric('scc_webhook_certificate_failures_total')) > failures, {
      timeoutMs: 30_000,
      what: 'a pair that is not taken over',
    });
    expect(await servedHours()).toBe(3);
    await mount(one);
    await untilServed(4);

    const { admitted, wrong } = creations.outcomes;
    await waitFor(() => creations.outcomes.admitted > admitted + 20, { timeoutMs: 30_000, what: 'pods after it' });
    await creations.stop();
    expect({ wrong, failedOpen: failedOpen(stack).slice(before) }).toEqual({ wrong: {}, failedOpen: [] });
    expect(creations.outcomes.refused).toBeGreaterThan(10);
  }, 180_000);
});
