import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { ENFORCE_LABEL } from '@scc/plan';
import { SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import {
  type Configuration,
  CONFIGURATION_NAME,
  CONFIGURATION_KINDS,
  installedConfigurationSchema,
  type WebhookFacts,
} from './diagnose.js';

/** The API of the configurations. */
export const CONFIGURATION_API = 'admissionregistration.k8s.io/v1';
/** The chart ships the Secret empty, and an empty Secret has no data at all. */
const secretSchema = z.looseObject({ data: z.looseObject({ 'tls.crt': z.base64().optional() }).optional() });
const sliceSchema = z.looseObject({
  endpoints: z
    .array(z.looseObject({ conditions: z.looseObject({ ready: z.boolean().optional() }).optional() }))
    .nullish(),
});

/** The configurations of the webhook that are there. */
export async function configurationsOf(kube: KubeClient): Promise<Configuration[]> {
  const found = await Promise.all(
    CONFIGURATION_KINDS.map((kind) => kube.get({ apiVersion: CONFIGURATION_API, kind, name: CONFIGURATION_NAME })),
  );
  return found.flatMap((object) => (object ? [installedConfigurationSchema.parse(object)] : []));
}

/** Reading Secrets is often not allowed; the other checks do without. */
async function servedCertificate(kube: KubeClient, namespace: string): Promise<string | undefined> {
  try {
    const secret = await kube.get({ apiVersion: 'v1', kind: 'Secret', namespace, name: 'scc-webhook-tls' });
    const text = secret && secretSchema.parse(secret).data?.['tls.crt'];
    return text ? Buffer.from(text, 'base64').toString('utf8') : undefined;
  } catch (error) {
    if (error instanceof KubeError) return undefined;
    throw error;
  }
}

async function readyEndpoints(kube: KubeClient, namespace: string): Promise<number | undefined> {
  const name = 'governance-webhook';
  if (!(await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name }))) return undefined;
  const slices = await kube.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    { namespace, labelSelector: `kubernetes.io/service-name=${name}` },
  );
  return slices.items
    .flatMap((slice) => sliceSchema.parse(slice).endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false).length;
}

/** Tries a pod of no rights by a server-side dry run. */
async function tryPod(kube: KubeClient, namespace: string): Promise<WebhookFacts['trial']> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'scc-doctor-', namespace },
    spec: { containers: [{ name: 'trial', image: 'trial' }] },
  };
  try {
    const { metadata } = await kube.create(pod, { dryRun: true });
    return { scc: metadata.annotations?.[SCC_ANNOTATION], refusal: undefined };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { scc: undefined, refusal: error.message };
  }
}

/** What is to be known of the webhook. @param namespace where the product is installed */
export async function webhookFacts(kube: KubeClient, namespace: string): Promise<WebhookFacts> {
  const [configurations, certificate, endpoints, sccs, namespaces] = await Promise.all([
    configurationsOf(kube),
    servedCertificate(kube, namespace),
    readyEndpoints(kube, namespace),
    kube.list({ apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' }),
    kube.list({ apiVersion: 'v1', kind: 'Namespace' }, { labelSelector: `${ENFORCE_LABEL}=true` }),
  ]);
  const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
  const [first] = namespaces.items;
  return {
    configurations,
    certificate,
    readyEndpoints: endpoints,
    sccs: sccs.items.map(nameOf),
    enforced: namespaces.items.map((item) => ({ name: nameOf(item), annotations: item.metadata.annotations ?? {} })),
    trial: first && (await tryPod(kube, nameOf(first))),
    now: new Date(),
  };
}
