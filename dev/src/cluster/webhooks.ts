import { z } from 'zod';
import type { KubeObject } from '@scc/kube';
import { SYSTEM_NAMESPACE } from './accounts.js';

/** Where a webhook of a test listens inside the stack; governance's is taken there to its Service. */
export const WEBHOOK_PORT = 9444;
/** The name of the Service by which the API server calls governance's webhook. */
export const WEBHOOK_SERVICE = `governance-webhook.${SYSTEM_NAMESPACE}.svc`;

const clientConfigSchema = z.looseObject({
  url: z.url().optional(),
  service: z.looseObject({ path: z.string().default('/') }).optional(),
});
const webhooksSchema = z.array(z.looseObject({ name: z.string(), clientConfig: clientConfigSchema }));

const KINDS = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);

/** The webhooks of a cluster with the authority that issued the certificate of what they lead to. */
export function trustedWebhooks(manifests: readonly KubeObject[], ca: string): KubeObject[] {
  const caBundle = Buffer.from(ca).toString('base64');
  return manifests.map((manifest) => ({
    ...manifest,
    webhooks: webhooksSchema
      .parse(manifest['webhooks'])
      .map((webhook) => ({ ...webhook, clientConfig: { ...webhook.clientConfig, caBundle } })),
  }));
}

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
