import type { MakeInformer } from '@scc/kube';
import { DISABLED_ANNOTATION } from '@scc/plan';
import { z } from 'zod';
import { anchorOf } from '@scc/tls';

/** The configurations that the chart installs. */
export const CONFIGURATIONS = [
  { kind: 'MutatingWebhookConfiguration', name: 'scc-webhook' },
  { kind: 'ValidatingWebhookConfiguration', name: 'scc-webhook' },
] as const;
export const ADMISSION_API = 'admissionregistration.k8s.io/v1';

export const configurationSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string().default(''),
    resourceVersion: z.string().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  webhooks: z
    .array(z.looseObject({ name: z.string(), clientConfig: z.looseObject({ caBundle: z.string().optional() }) }))
    .nullish(),
});

type Installed = z.infer<typeof configurationSchema>;
/** A configuration as the API server holds it. */
export interface InstalledConfiguration {
  readonly kind: (typeof CONFIGURATIONS)[number]['kind'];
  readonly name: string;
  readonly uid: string;
  readonly webhooks: NonNullable<Installed['webhooks']>;
  /** Break-glass: its entries match nothing until it is enabled. */
  readonly isDisabled: boolean;
}

export interface WebhookTrust {
  /** The configurations that are there, with entries or without. */
  installed(): InstalledConfiguration[];
  /** Every bundle that the API server holds for this webhook, as PEM. */
  bundles(): string[];
  /** Why the API server would refuse a chain, or null. Without an installed configuration there are no calls. */
  objection(certificate: string, now: Date): string | null;
  readonly synced: Promise<unknown>;
  stop(): Promise<void>;
}

const decoded = (base64: string | undefined): string => (base64 ? Buffer.from(base64, 'base64').toString('utf8') : '');

/** Follows the `caBundle`s by which the API server checks this webhook. */
export function followWebhookTrust(makeInformer: MakeInformer, onChange: () => void = () => undefined): WebhookTrust {
  const held = new Map<string, InstalledConfiguration>();
  const informers = CONFIGURATIONS.map(({ kind, name }) => {
    const informer = makeInformer({ apiVersion: ADMISSION_API, kind }, (key, current) => {
      if (key !== name) return;
      const found = configurationSchema.safeParse(current).data;
      if (!found) held.delete(kind);
      else {
        const isDisabled = found.metadata.annotations?.[DISABLED_ANNOTATION] !== undefined;
        held.set(kind, { kind, name, uid: found.metadata.uid, webhooks: found.webhooks ?? [], isDisabled });
      }
      onChange();
    });
    informer.start();
    return informer;
  });
  const synced = Promise.all(informers.map((informer) => informer.synced));
  synced.catch(() => undefined);
  const installed = (): InstalledConfiguration[] => [...held.values()];
  const bundles = (): string[] => [
    ...new Set(
      installed().flatMap(({ webhooks }) => webhooks.map(({ clientConfig }) => decoded(clientConfig.caBundle))),
    ),
  ];
  return {
    installed,
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
