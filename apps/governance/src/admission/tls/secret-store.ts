import type { KubeClient } from '@scc/kube';
import { z } from 'zod';
import { ADMISSION_API, CONFIGURATIONS, configurationSchema, type Trust } from './trust.js';
import type { Bundles, RotationStore } from './rotator.js';
import { certificatesIn } from './chain.js';
import { bundleOf } from './rotation.js';

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64').toString('utf8'));
const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.object({
    'ca.crt': base64,
    'ca.key': base64,
    'tls.crt': base64.optional(),
    'tls.key': base64.optional(),
    since: base64,
  }),
});

/** Keeps authorities and certificate in a Secret, whose `ca.crt`, `tls.crt` and `tls.key` others may mount. */
export function secretStore(
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>,
  { namespace, name }: { namespace: string; name: string },
): RotationStore {
  const id = { apiVersion: 'v1', kind: 'Secret', namespace, name };
  return {
    read: async () => {
      const secret = await client.get(id);
      if (!secret) return undefined;
      const { data, metadata } = secretSchema.parse(secret);
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
      if (version === undefined) await client.create({ ...secret, metadata: { namespace, name } });
      else await client.replace({ ...secret, metadata: { namespace, name, resourceVersion: version } });
    },
  };
}

/** Reads bundles as informers see them, and writes them into every webhook of the installed configurations. */
export function webhookBundles(client: Pick<KubeClient, 'get' | 'patch'>, trust: Trust): Bundles {
  return {
    held: () => trust.bundles(),
    publish: async (bundle) => {
      const caBundle = Buffer.from(bundle).toString('base64');
      for (const { kind, name } of CONFIGURATIONS) {
        const id = { apiVersion: ADMISSION_API, kind, name };
        const webhooks = configurationSchema.parse((await client.get(id)) ?? { metadata: { name } }).webhooks ?? [];
        // Tested by name: somebody may apply another list in between.
        const body = webhooks.flatMap((webhook, index) => [
          { op: 'test', path: `/webhooks/${index}/name`, value: webhook.name },
          { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
        ]);
        if (body.length > 0) await client.patch(id, { type: 'json', body, fieldManager: 'scc-webhook' });
      }
    },
  };
}
