import { PLAN_LABEL, isCanaryObject } from '@scc/plan';
import {
  type AdmissionRequest,
  type CompiledSCCs,
  decide,
  type Pod,
  type PodTemplate,
  REQUIRED_SCC_ANNOTATION,
  SCC_ANNOTATION,
} from '@scc/scc';
import { ALLOWED, type ReviewOutcome } from '../review/outcome.js';
import { patchBetween } from '../review/json-patch.js';
import type { ClusterCache } from '../cache/cluster.js';
import type { ActiveMigration } from '../cache/plans.js';
import { readControllerOf, type OwnerRef } from '../cache/workloads.js';
import type { Hook, HookContext } from './hook.js';
import { answerPod } from './pod-request.js';
import { undefault } from './undefault.js';

const HASH_LABEL = 'pod-template-hash';

interface Origin {
  readonly template: PodTemplate | undefined;
  /** The workload that a plan names. */
  readonly workload: OwnerRef | undefined;
}

/** A ReplicaSet that the cache has not seen yet is named after its Deployment and the hash of its template. */
function deploymentOf(pod: Pod, replicaSet: OwnerRef): OwnerRef | undefined {
  const suffix = `-${pod.metadata.labels?.[HASH_LABEL] ?? ''}`;
  const isNamed = replicaSet.kind === 'ReplicaSet' && suffix.length > 1 && replicaSet.name.endsWith(suffix);
  return isNamed ? { kind: 'Deployment', name: replicaSet.name.slice(0, -suffix.length) } : undefined;
}

function originOf({ pod, namespace }: AdmissionRequest, { workloads }: ClusterCache): Origin {
  const owner = readControllerOf(pod);
  if (!owner) return { template: undefined, workload: undefined };
  const known = workloads.get(namespace.name, owner);
  const workload = owner.kind === 'ReplicaSet' ? (known?.owner ?? deploymentOf(pod, owner)) : owner;
  return { template: known?.template, workload };
}

function migrationOf({ pod, namespace }: AdmissionRequest, workload: OwnerRef | undefined, { plans }: ClusterCache) {
  const plan = isCanaryObject(pod.metadata)
    ? plans.ofLabel(namespace.name, pod.metadata.labels?.[PLAN_LABEL])
    : undefined;
  if (plan) return { plan, isCanary: true };
  const found = workload && plans.ofWorkload(namespace.name, workload.kind, workload.name);
  return found && { plan: found, isCanary: false };
}

/** Pods of the canary belong to the target; others whose template says nothing were never changed: to the source. */
const sccFor = ({ plan, isCanary }: { plan: ActiveMigration; isCanary: boolean }): string | undefined =>
  isCanary ? plan.targetSCC : plan.sourceSCC;

const pinned = (pod: Pod, scc: string): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [REQUIRED_SCC_ANNOTATION]: scc } },
});

/**
 * The pod that the second pass of OpenShift's plugin admits under the wanted SCC; undefined when nothing needs to be or
 * can be done, so that the plugin's own choice stands.
 */
export function steer(
  request: AdmissionRequest,
  wanted: string,
  { compiled, template }: { compiled: CompiledSCCs; template: PodTemplate | undefined },
): Pod | undefined {
  const { pod } = request;
  const used = pod.metadata.annotations?.[SCC_ANNOTATION];
  if (used === wanted && pod.metadata.annotations?.[REQUIRED_SCC_ANNOTATION] === wanted) return undefined;
  const first = compiled.byName.get(used ?? '');
  const reconciled = template && first && used !== wanted ? undefault(request, template, first) : pod;
  const candidates = [pinned(reconciled, wanted), pinned(pod, wanted)];
  return candidates.find((candidate) => decide({ ...request, pod: candidate }, compiled).decision === 'admitted');
}

/** Beside OpenShift's plugin: keeps pods of workloads under migration under the SCC that their side of it has. */
export function pinPods({ cache, config }: HookContext): Hook {
  const judge = (asked: AdmissionRequest): ReviewOutcome => {
    const { template, workload } = originOf(asked, cache);
    const migration = migrationOf(asked, workload, cache);
    const own = asked.pod.metadata.annotations?.[REQUIRED_SCC_ANNOTATION];
    const wanted = own ?? (migration && sccFor(migration));
    if (!migration || wanted === undefined) return ALLOWED;
    const steered = steer(asked, wanted, { compiled: cache.constraints.compiled, template });
    if (!steered) return ALLOWED;
    return {
      allowed: true,
      patch: patchBetween(asked.pod, steered),
      audit: { pin: wanted, plan: migration.plan.plan },
    };
  };
  return {
    path: '/mutate/pods',
    whenUndecided: 'allow',
    decide: (request, budget) =>
      request.operation === 'CREATE' ? answerPod(request, { cache, config, budget }, judge) : ALLOWED,
  };
}
