import { X509Certificate } from 'node:crypto';
import { ASKED_ABOUT_NOTHING, DISABLED_ANNOTATION } from '@scc/plan';
import { z } from 'zod';

export const CONFIGURATION_KINDS = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const;
export const CONFIGURATION_NAME = 'scc-webhook';

export const installedConfigurationSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), annotations: z.record(z.string(), z.string()).optional() }),
  webhooks: z
    .array(
      z.looseObject({
        name: z.string(),
        failurePolicy: z.string().default('Fail'),
        clientConfig: z.looseObject({ caBundle: z.string().optional(), url: z.string().optional() }),
        namespaceSelector: z.looseObject({}).optional(),
      }),
    )
    .default([]),
});
export type Configuration = z.infer<typeof installedConfigurationSchema>;

/** The objects of the webhook in the cluster. */
export interface WebhookFacts {
  readonly configurations: readonly Configuration[];
  /** The certificate that is served, PEM; undefined when it is not kept in the Secret or may not be read. */
  readonly certificate: string | undefined;
  /** Undefined: the Service does not exist, because the webhooks are called by URL. */
  readonly readyEndpoints: number | undefined;
  readonly sccs: readonly string[];
  readonly enforced: readonly { readonly name: string; readonly annotations: Readonly<Record<string, string>> }[];
  /** The result of a pod that was tried in an enforced namespace; undefined when there is none. */
  readonly trial: { readonly scc: string | undefined; readonly refusal: string | undefined } | undefined;
  readonly now: Date;
}

export interface WebhookFinding {
  readonly fault: string;
  readonly remedy: string;
}

const isCalledByService = ({ clientConfig }: Configuration['webhooks'][number]): boolean =>
  clientConfig.url === undefined;

type Check = (facts: WebhookFacts) => WebhookFinding[];
const when = (broken: boolean, fault: string, remedy: string): WebhookFinding[] => (broken ? [{ fault, remedy }] : []);

const isInstalled: Check = ({ configurations }) =>
  CONFIGURATION_KINDS.flatMap((kind) => {
    const found = configurations.find((one) => one.kind === kind);
    if (!found)
      return [
        {
          fault: `${kind} ${CONFIGURATION_NAME} is missing`,
          remedy: 'install the chart again: helm upgrade, see docs/INSTALL.md',
        },
      ];
    if (found.webhooks.length === 0)
      return [
        {
          fault: `${kind} ${CONFIGURATION_NAME} has no entries, so nothing is asked`,
          remedy: 'look at the log of governance: it writes them when its webhook answers',
        },
      ];
    const isDisabled = found.metadata.annotations?.[DISABLED_ANNOTATION] !== undefined;
    return when(isDisabled, `${kind} ${CONFIGURATION_NAME} is disabled`, 'sccctl webhook enable');
  });

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const authoritiesOf = (caBundle: string | undefined): X509Certificate[] =>
  (
    Buffer.from(caBundle ?? '', 'base64')
      .toString('utf8')
      .match(PEM) ?? []
  ).map((pem) => new X509Certificate(pem));

const isTrusted: Check = ({ configurations, certificate, now }) =>
  configurations.flatMap(({ webhooks }) =>
    webhooks.flatMap(({ name, clientConfig }) => {
      const authorities = authoritiesOf(clientConfig.caBundle).filter(({ validToDate }) => validToDate > now);
      if (authorities.length === 0)
        return [
          {
            fault: `${name}: caBundle holds no authority that is valid`,
            remedy: 'npm run -s certs -- --patch, or look at the webhook log',
          },
        ];
      const leaf = certificate === undefined ? undefined : new X509Certificate(certificate);
      const isSigned = !leaf || authorities.some((one) => leaf.checkIssued(one) && leaf.verify(one.publicKey));
      return when(
        !isSigned,
        `${name}: caBundle does not hold the authority of the served certificate`,
        'restart the webhook; it publishes its authority',
      );
    }),
  );

const DAY_MS = 24 * 60 * 60_000;
const isCurrent: Check = ({ certificate, now }) => {
  if (certificate === undefined) return [];
  const left = new X509Certificate(certificate).validToDate.getTime() - now.getTime();
  return when(
    left < 3 * DAY_MS,
    `the served certificate ends in ${Math.max(0, Math.floor(left / 3_600_000))} hours`,
    'look at the webhook log: it is not renewed',
  );
};

/** The Service may exist and stand idle: webhooks that are called by URL do without it. */
const answers: Check = ({ configurations, readyEndpoints }) =>
  when(
    readyEndpoints === 0 && configurations.some(({ webhooks }) => webhooks.some(isCalledByService)),
    'no replica of the webhook is ready',
    'kubectl -n scc-system get pods; break-glass: sccctl webhook disable',
  );

const failsClosed: Check = ({ configurations }) =>
  configurations
    .filter(({ kind }) => kind === 'ValidatingWebhookConfiguration')
    .flatMap(({ webhooks }) => webhooks)
    .filter(({ name, failurePolicy }) => name === 'pods.scc.poc' && failurePolicy !== 'Fail')
    .map(({ name }) => ({
      fault: `${name}: failurePolicy is not Fail, so pods pass while the webhook is away`,
      remedy: 'install the chart again: helm upgrade; right on OpenShift',
    }));

const hasSCCs: Check = ({ sccs }) =>
  when(!sccs.includes('restricted-v2'), 'the default SCCs are missing', 'install the chart with defaultSccs=true');

const hasIds: Check = ({ enforced }) =>
  enforced
    .filter(({ annotations }) => annotations['openshift.io/sa.scc.uid-range'] === undefined)
    .map(({ name }) => ({
      fault: `namespace ${name} has no ids yet`,
      remedy: 'look at the webhook log: it allocates them',
    }));

const decides: Check = ({ trial }) => {
  if (!trial || trial.scc !== undefined) return [];
  const isUnreached = trial.refusal?.includes('failed calling webhook') ?? false;
  return [
    {
      fault: `a pod on trial was not admitted by SCC: ${trial.refusal ?? 'no webhook decided about it'}`,
      remedy: isUnreached
        ? 'the API server does not reach the webhook: kubectl -n scc-system get endpointslices,networkpolicies'
        : 'sccctl webhook doctor again, then look at the webhook log',
    },
  ];
};

const CHECKS: readonly Check[] = [isInstalled, isTrusted, isCurrent, answers, failsClosed, hasSCCs, hasIds, decides];

/** Everything that is wrong with the webhook of a cluster. */
export const diagnoseWebhook = (facts: WebhookFacts): WebhookFinding[] => CHECKS.flatMap((check) => check(facts));

const selectorsSchema = z.array(z.looseObject({}).nullable());

/** Takes every namespace out of every webhook's sight, and keeps what was there; undefined when that is so already. */
export function disabled(configuration: Configuration): Configuration | undefined {
  const { metadata, webhooks } = configuration;
  if (metadata.annotations?.[DISABLED_ANNOTATION] !== undefined) return undefined;
  const kept = JSON.stringify(webhooks.map(({ namespaceSelector }) => namespaceSelector ?? null));
  return {
    ...configuration,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [DISABLED_ANNOTATION]: kept } },
    webhooks: webhooks.map((webhook) => ({
      ...webhook,
      ...ASKED_ABOUT_NOTHING,
    })),
  };
}

/** Undoes `disabled`; undefined when there is nothing to undo. */
export function enabled(configuration: Configuration): Configuration | undefined {
  const { metadata, webhooks } = configuration;
  const { [DISABLED_ANNOTATION]: kept, ...annotations } = metadata.annotations ?? {};
  if (kept === undefined) return undefined;
  const selectors = selectorsSchema.parse(JSON.parse(kept));
  return {
    ...configuration,
    metadata: { ...metadata, annotations },
    webhooks: webhooks.map((webhook, index) => ({
      ...webhook,
      namespaceSelector: selectors[index] ?? {},
      objectSelector: {},
    })),
  };
}
