import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { ENFORCE_LABEL } from '@scc/plan';
import { SCC_ANNOTATION } from '@scc/scc';
import { Command } from 'commander';
import { z } from 'zod';
import { EXIT } from '../exit.js';
import { table } from '../output.js';
import type { Run, Session } from '../session.js';
import {
  type Configuration,
  CONFIGURATION_NAME,
  CONFIGURATION_KINDS,
  installedConfigurationSchema,
  diagnoseWebhook,
  disabled,
  enabled,
  type WebhookFacts,
} from './diagnose.js';

const API = 'admissionregistration.k8s.io/v1';
const SYSTEM = { namespace: 'scc-system' };
/** The chart ships the Secret empty, and an empty Secret has no data at all. */
const secretSchema = z.looseObject({ data: z.looseObject({ 'tls.crt': z.base64().optional() }).optional() });
const sliceSchema = z.looseObject({
  endpoints: z
    .array(z.looseObject({ conditions: z.looseObject({ ready: z.boolean().optional() }).optional() }))
    .nullish(),
});

async function configurationsOf(kube: KubeClient): Promise<Configuration[]> {
  const found = await Promise.all(
    CONFIGURATION_KINDS.map((kind) => kube.get({ apiVersion: API, kind, name: CONFIGURATION_NAME })),
  );
  return found.flatMap((object) => (object ? [installedConfigurationSchema.parse(object)] : []));
}

/** Reading Secrets is often not allowed; the other checks do without. */
async function servedCertificate(kube: KubeClient): Promise<string | undefined> {
  try {
    const secret = await kube.get({ apiVersion: 'v1', kind: 'Secret', ...SYSTEM, name: 'scc-webhook-tls' });
    const text = secret && secretSchema.parse(secret).data?.['tls.crt'];
    return text ? Buffer.from(text, 'base64').toString('utf8') : undefined;
  } catch (error) {
    if (error instanceof KubeError) return undefined;
    throw error;
  }
}

async function readyEndpoints(kube: KubeClient): Promise<number | undefined> {
  const name = 'governance-webhook';
  if (!(await kube.get({ apiVersion: 'v1', kind: 'Service', ...SYSTEM, name }))) return undefined;
  const slices = await kube.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    { ...SYSTEM, labelSelector: `kubernetes.io/service-name=${name}` },
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

async function factsOf(kube: KubeClient): Promise<WebhookFacts> {
  const [configurations, certificate, endpoints, sccs, namespaces] = await Promise.all([
    configurationsOf(kube),
    servedCertificate(kube),
    readyEndpoints(kube),
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

async function doctor(session: Session): Promise<number> {
  const findings = diagnoseWebhook(await factsOf(await session.kube()));
  session.output.show(findings, () =>
    findings.length === 0
      ? 'nothing is wrong with the webhook'
      : table(
          ['fault', 'remedy'],
          findings.map(({ fault, remedy }) => [fault, remedy]),
        ),
  );
  return findings.length === 0 ? EXIT.ok : EXIT.failed;
}

async function change(session: Session, to: typeof disabled, what: string): Promise<undefined> {
  const kube = await session.kube();
  for (const configuration of await configurationsOf(kube)) {
    const changed = to(configuration);
    if (changed) await kube.replace({ ...changed, apiVersion: API }, { fieldManager: 'sccctl' });
    session.output.remark(`${configuration.kind} ${CONFIGURATION_NAME} is ${changed ? what : `${what} already`}`);
  }
  return undefined;
}

/** `sccctl webhook` */
export const webhookCommand = (run: Run): Command =>
  new Command('webhook')
    .description('looks after the admission webhook')
    .addCommand(new Command('doctor').description('names everything that is wrong with it').action(() => run(doctor)))
    .addCommand(
      new Command('disable')
        .description('break-glass: nothing is reviewed any more until it is enabled')
        .action(() => run((session) => change(session, disabled, 'disabled'))),
    )
    .addCommand(
      new Command('enable')
        .description('undoes disable')
        .action(() => run((session) => change(session, enabled, 'enabled'))),
    );
