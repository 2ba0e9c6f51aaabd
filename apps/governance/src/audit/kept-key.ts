import { generateKeyPairSync } from 'node:crypto';
import { isConflict, type KubeClient } from '@scc/kube';
import { z } from 'zod';

/** The key of a Secret under which the installation keeps the audit key, as its own mounted Secrets do. */
const ENTRY = 'audit.key';

const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.base64()).default({}),
});

const newKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/**
 * The key in a Secret. One that is empty gets a key, once for all replicas: whoever installs it renders it without data,
 * so that neither an upgrade nor a rendering elsewhere ever holds another key.
 * @returns PKCS#8 PEM
 * @throws Error when the Secret is missing; KubeError when it cannot be read or written
 */
export async function keyInSecret(
  client: Pick<KubeClient, 'get' | 'replace'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<string> {
  for (;;) {
    const found = await client.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
    if (!found) throw new Error(`AUDIT_KEY_SECRET: there is no Secret ${namespace}/${name}; install the chart again`);
    const { data, metadata } = secretSchema.parse(found);
    const kept = data[ENTRY];
    if (kept !== undefined) return Buffer.from(kept, 'base64').toString('utf8');
    const key = newKey();
    const made = { ...found, metadata, data: { ...data, [ENTRY]: Buffer.from(key).toString('base64') } };
    try {
      await client.replace(made, { fieldManager: 'scc-governance' });
      return key;
    } catch (error) {
      // Another replica was first: its key counts.
      if (!isConflict(error)) throw error;
    }
  }
}
