import type { KubeClient } from '@scc/kube';
import type { Bundles } from '@scc/tls';
import { ADMISSION_API, CONFIGURATIONS, configurationSchema, type WebhookTrust } from './trust.js';

/** Reads bundles as informers see them, and writes them into every webhook of the installed configurations. */
export function webhookBundles(client: Pick<KubeClient, 'get' | 'patch'>, trust: WebhookTrust): Bundles {
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
