import { z } from 'zod';
import type { KubeObject } from '@scc/kube';

/** Where the product's admission webhook listens inside the stack. */
export const WEBHOOK_PORT = 9444;

const clientConfigSchema = z.looseObject({
  url: z.url().optional(),
  service: z.looseObject({ path: z.string().default('/') }).optional(),
});
const webhooksSchema = z.array(z.looseObject({ name: z.string(), clientConfig: clientConfigSchema }));

const KINDS = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);

/** The webhooks of a cluster, called on the stack's loopback instead of by their Service. */
export function localWebhooks(manifests: readonly KubeObject[], ca: string): KubeObject[] {
  const caBundle = Buffer.from(ca).toString('base64');
  return manifests
    .filter(({ kind }) => KINDS.has(kind))
    .map((manifest) => ({
      ...manifest,
      webhooks: webhooksSchema.parse(manifest['webhooks']).map((webhook) => {
        const { url, service } = webhook.clientConfig;
        const path = service?.path ?? (url === undefined ? '/' : new URL(url).pathname);
        return { ...webhook, clientConfig: { url: `https://127.0.0.1:${WEBHOOK_PORT}${path}`, caBundle } };
      }),
    }));
}
