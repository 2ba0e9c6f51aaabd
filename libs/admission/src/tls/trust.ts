import type { MakeInformer } from '@scc/kube';
import { z } from 'zod';
import { anchorOf } from '@scc/tls';

/** The configurations that the chart installs. */
export const CONFIGURATIONS = [
  { kind: 'MutatingWebhookConfiguration', name: 'scc-webhook' },
  { kind: 'ValidatingWebhookConfiguration', name: 'scc-webhook' },
] as const;
export const ADMISSION_API = 'admissionregistration.k8s.io/v1';

export const configurationSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), resourceVersion: z.string().optional() }),
  webhooks: z
    .array(z.looseObject({ name: z.string(), clientConfig: z.looseObject({ caBundle: z.string().optional() }) }))
    .nullish(),
});

export interface WebhookTrust {
  /** Every bundle that the API server holds for this webhook, as PEM. */
  bundles(): string[];
  /** Why the API server would refuse a chain, or null. Without an installed configuration nobody asks. */
  objection(certificate: string, now: Date): string | null;
  readonly synced: Promise<unknown>;
  stop(): Promise<void>;
}

const decoded = (base64: string | undefined): string => (base64 ? Buffer.from(base64, 'base64').toString('utf8') : '');

/** Follows the `caBundle`s by which the API server checks this webhook. */
export function followWebhookTrust(makeInformer: MakeInformer, onChange: () => void = () => undefined): WebhookTrust {
  const held = new Map<string, string[]>();
  const informers = CONFIGURATIONS.map(({ kind, name }) => {
    const informer = makeInformer({ apiVersion: ADMISSION_API, kind }, (key, current) => {
      if (key !== name) return;
      const webhooks = configurationSchema.safeParse(current).data?.webhooks ?? [];
      held.set(
        kind,
        webhooks.map(({ clientConfig }) => decoded(clientConfig.caBundle)),
      );
      onChange();
    });
    informer.start();
    return informer;
  });
  const synced = Promise.all(informers.map((informer) => informer.synced));
  synced.catch(() => undefined);
  const bundles = (): string[] => [...new Set([...held.values()].flat())];
  return {
    bundles,
    objection: (certificate, now) =>
      bundles().every((bundle) => anchorOf(certificate, bundle, now) !== undefined)
        ? null
        : 'the API server does not trust the served certificate',
    synced,
    stop: async () => {
      await Promise.all(informers.map((informer) => informer.stop()));
    },
  };
}
