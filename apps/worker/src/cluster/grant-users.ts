import type { KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { isJobOver } from './cron-jobs.js';
import { clusterPodSchema, sccOf } from './objects.js';
import { listServed } from './served.js';
import { isLive } from './workload-pods.js';

interface MakerKind {
  group: string;
  versions: readonly string[];
  kind: string;
}
const makerKind = (group: string, kind: string, version = 'v1'): MakerKind => ({ group, versions: [version], kind });

/**
 * Kinds whose templates make pods; a pod that does not run now may be made from one tonight. Those that not every cluster
 * serves are among what a scan reads.
 */
const MAKERS: readonly MakerKind[] = [
  makerKind('apps', 'Deployment'),
  makerKind('apps', 'StatefulSet'),
  makerKind('apps', 'DaemonSet'),
  makerKind('apps', 'ReplicaSet'),
  makerKind('batch', 'Job'),
  makerKind('batch', 'CronJob'),
  makerKind('', 'ReplicationController'),
  makerKind('apps.openshift.io', 'DeploymentConfig'),
  makerKind('argoproj.io', 'Rollout', 'v1alpha1'),
  makerKind('serving.knative.dev', 'Service'),
];
/** What these make of their template is a maker itself, of which they have old ones as well. */
const MAKERS_OF_MAKERS: ReadonlySet<string> = new Set(['Deployment', 'DeploymentConfig', 'Rollout']);

const templateSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }).nullish(),
  spec: z.looseObject({ serviceAccountName: z.string().default('default') }),
});
const makerSchema = z.looseObject({
  spec: z.looseObject({
    template: templateSchema.nullish(),
    jobTemplate: z.looseObject({ spec: z.looseObject({ template: templateSchema }) }).optional(),
  }),
});

export interface GrantUse {
  /** The workload that was migrated: it needs the grant no longer. */
  workloadUid: string;
  serviceAccount: string;
  scc: string;
}

const controllerOf = ({ metadata }: KubeObject): string | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;

/** Whether a template, or one in a form that nobody knows, may make a pod that needs the grant. */
function makesUsers(maker: KubeObject, { serviceAccount, scc }: GrantUse): boolean {
  const parsed = makerSchema.safeParse(maker).data;
  if (!parsed) return true;
  const template = parsed.spec.template ?? parsed.spec.jobTemplate?.spec.template;
  if (template?.spec.serviceAccountName !== serviceAccount) return false;
  const pinned = template.metadata?.annotations?.[REQUIRED_SCC_ANNOTATION];
  return pinned === undefined || pinned === scc;
}

/** Whether a maker of pods, other than the migrated workload, may make one that needs the grant. */
const mayNeed = (maker: KubeObject, use: GrantUse): boolean =>
  maker.metadata.uid !== use.workloadUid &&
  !isCanaryObject(maker.metadata) &&
  !(maker.kind === 'Job' && isJobOver(maker)) &&
  makesUsers(maker, use);

/**
 * Other pods that run, or may yet run, by the grant of an SCC to a ServiceAccount: a live pod under it, or a template
 * of the ServiceAccount that none of its live pods shows to run under another SCC. Null when there is none.
 */
export function grantUserAmong(
  { pods, makers }: { pods: KubeObject[]; makers: KubeObject[] },
  use: GrantUse,
  nowMs: number,
): string | null {
  const live = pods.filter((pod) => {
    const isLeaving = pod.metadata.deletionTimestamp !== undefined;
    return (
      !isLeaving && isLive(pod, nowMs) && clusterPodSchema.parse(pod).spec.serviceAccountName === use.serviceAccount
    );
  });
  const pod = live.find((one) => sccOf(one) === use.scc);
  if (pod) return `pod ${pod.metadata.name ?? ''}`;
  const byUid = new Map(makers.map((one) => [one.metadata.uid ?? '', one]));
  /** Who made an object, and who made that one; what makes itself is said by nobody but a forger. */
  const above = (object: KubeObject, below: readonly KubeObject[] = []): KubeObject[] => {
    const maker = byUid.get(controllerOf(object) ?? '');
    return maker && !below.includes(maker) ? above(maker, [...below, maker]) : [...below];
  };
  const running = new Set(live.flatMap((one) => above(one)));
  // Pods that a maker has now run under something else, or one would have been found above; a CronJob's next may not.
  const runsOtherwise = (one: KubeObject): boolean => one.kind !== 'CronJob' && running.has(one);
  const isOfMaker = (one: KubeObject): boolean => above(one).some(({ kind }) => MAKERS_OF_MAKERS.has(kind));
  const maker = makers.find((one) => mayNeed(one, use) && !runsOtherwise(one) && !isOfMaker(one));
  return maker ? `${maker.kind} ${maker.metadata.name ?? ''}` : null;
}

/** Looks for the users of a grant in the namespace. */
export async function grantUser(
  kube: KubeClient,
  {
    ref,
    workloadUid,
    sourceServiceAccount,
  }: { ref: { namespace: string }; workloadUid: string; sourceServiceAccount: string },
  scc: string,
): Promise<string | null> {
  const { namespace } = ref;
  const [pods, ...looked] = await Promise.all(
    [makerKind('', 'Pod'), ...MAKERS].map(async (kind) => {
      const { objects, unread } = await listServed(kube, kind, namespace);
      return { unread, objects: objects.map((object) => ({ ...object, kind: kind.kind })) };
    }),
  );
  const use = { workloadUid, serviceAccount: sourceServiceAccount, scc };
  const makers = looked.flatMap(({ objects }) => objects);
  const user = grantUserAmong({ pods: pods?.objects ?? [], makers }, use, Date.now());
  const [unknown] = [...(pods?.unread ?? []), ...looked.flatMap(({ unread }) => unread)];
  return user ?? (unknown ? `a ${unknown.kind} that the worker may not list` : null);
}
