import type { KubeClient } from '@scc/kube';
import { z } from 'zod';
import type { RotationStore } from './rotator.js';
import { certificatesIn } from './chain.js';
import { bundleOf } from './rotation.js';
import { secretText, type SecretName } from './secret.js';

const dataSchema = z.object({
  'ca.crt': secretText,
  'ca.key': secretText,
  'tls.crt': secretText.optional(),
  'tls.key': secretText.optional(),
  since: secretText,
});
/** The installation makes the Secret without data, so that no right to create Secrets is needed. */
const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z
    .record(z.string(), z.string())
    .default({})
    .transform((data) => (Object.keys(data).length === 0 ? undefined : dataSchema.parse(data))),
});

/** Keeps authorities and certificate in a Secret, whose `ca.crt`, `tls.crt` and `tls.key` others may mount. */
export function secretStore(
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>,
  { namespace, name }: SecretName,
): RotationStore {
  const id = { apiVersion: 'v1', kind: 'Secret', namespace, name };
  return {
    read: async () => {
      const secret = await client.get(id);
      if (!secret) return undefined;
      const { data, metadata } = secretSchema.parse(secret);
      if (data === undefined) return { state: undefined, version: metadata.resourceVersion };
      const leaf =
        data['tls.crt'] && data['tls.key'] ? { certificate: data['tls.crt'], key: data['tls.key'] } : undefined;
      const authorities = certificatesIn(data['ca.crt']).map((certificate) => certificate.toString());
      const state = { authorities, authorityKey: data['ca.key'], leaf, leafSince: data.since };
      return { state, version: metadata.resourceVersion };
    },
    write: async ({ authorities, authorityKey, leaf, leafSince }, version) => {
      const texts = {
        'ca.crt': bundleOf(authorities),
        'ca.key': authorityKey,
        since: leafSince,
        ...(leaf ? { 'tls.crt': leaf.certificate, 'tls.key': leaf.key } : {}),
      };
      const data = Object.fromEntries(
        Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
      );
      const secret = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data };
      if (version === undefined) {
        await client.create({ ...secret, metadata: { namespace, name } });
        return;
      }
      // By its labels and annotations the installer knows it for its own: Helm keeps what lost them when it uninstalls.
      const before = await client.get(id);
      await client.replace({ ...secret, metadata: { ...before?.metadata, namespace, name, resourceVersion: version } });
    },
  };
}
