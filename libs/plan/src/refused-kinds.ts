import { isRecord } from './records.js';
import type { Violation } from './schema.js';

/** Kinds that make pods and that no plan moves: each is refused by its name, with the way by hand. */

/** Of pods: by which a pod asks for an SCC. */
const REQUIRED_SCC = 'openshift.io/required-scc';

interface Way {
  /** With its article, as sentences name it. */
  named: string;
  reason: string;
  /** What to do; NAME and TARGET stand for the workload and the SCC, PATCH for the patch. */
  byHand: string;
  patch: 'template' | 'pod';
}

const CREATED_AGAIN =
  'write its manifest to a file, add to it the PATCH, remove status, metadata.uid, metadata.resourceVersion';
const WAYS: Record<string, Way> = {
  Job: {
    named: 'a Job',
    reason: 'its pod template cannot be changed once it has started',
    byHand: `${CREATED_AGAIN}, spec.selector and the template's labels controller-uid and job-name (each also with batch.kubernetes.io/), then kubectl replace --force -f FILE: it runs once more`,
    patch: 'template',
  },
  Pod: {
    named: 'a bare Pod',
    reason: 'what it runs under cannot be changed while it runs, and nothing makes it again',
    byHand: `${CREATED_AGAIN} and spec.nodeName, then kubectl replace --force -f FILE: it is away until the new one is ready`,
    patch: 'pod',
  },
  ReplicaSet: {
    named: 'a bare ReplicaSet',
    reason: 'it keeps the pods that it has when its template changes',
    byHand:
      "name the Deployment in the plan where one owns it; else kubectl patch replicaset NAME --type merge -p 'PATCH', then delete its pods one by one, each once the one before is ready",
    patch: 'template',
  },
  ReplicationController: {
    named: 'a ReplicationController',
    reason: 'it keeps the pods that it has when its template changes',
    byHand:
      "kubectl patch replicationcontroller NAME --type merge -p 'PATCH', then delete its pods one by one, each once the one before is ready",
    patch: 'template',
  },
  DeploymentConfig: {
    named: 'a DeploymentConfig',
    reason: 'OpenShift rolls it out by deployer pods of its own, and has deprecated it',
    byHand:
      "oc patch deploymentconfig NAME --type merge -p 'PATCH' (oc rollout latest dc/NAME where it has no ConfigChange trigger; oc rollout undo dc/NAME takes it back), or make a Deployment of it and plan that",
    patch: 'template',
  },
  Rollout: {
    named: 'a Rollout of Argo Rollouts',
    reason: 'Argo Rollouts divides its requests by steps of its own',
    byHand:
      "kubectl patch rollouts.argoproj.io NAME --type merge -p 'PATCH': its own steps and analyses judge the change (kubectl argo rollouts undo NAME takes it back)",
    patch: 'template',
  },
  Service: {
    named: 'a Knative Service',
    reason: 'Knative makes a revision of each change and divides requests between revisions itself',
    byHand:
      "kubectl patch services.serving.knative.dev NAME --type merge -p 'PATCH', then move spec.traffic from the old revision to the new one in steps",
    patch: 'template',
  },
};

/** The change by which a workload asks for a target, as a merge patch. */
export function requiringPatch(patch: 'template' | 'pod', target: string): object {
  const pod = { metadata: { annotations: { [REQUIRED_SCC]: target } } };
  return patch === 'pod' ? pod : { spec: { template: pod } };
}

interface Refused {
  named: string;
  reason: string;
  remedy: string;
}

/** Why no plan moves a workload of a kind and how it is changed by hand; undefined where one moves it, or none knows it. */
function refusedKind(kind: string, { name, target }: { name: string; target: string }): Refused | undefined {
  const way = Object.hasOwn(WAYS, kind) ? WAYS[kind] : undefined;
  if (!way) return undefined;
  const byHand = way.byHand
    .replaceAll('NAME', name)
    .replaceAll('PATCH', JSON.stringify(requiringPatch(way.patch, target)));
  return {
    named: way.named,
    reason: way.reason,
    remedy: `By hand: let its ServiceAccount use ${target} (kubectl create rolebinding ${name}-${target} --clusterrole=system:openshift:scc:${target} --serviceaccount=NAMESPACE:ACCOUNT) and look by sccctl recommend for what else its template needs; then ${byHand}.`,
  };
}

/** The refusal of a plan whose workload is of such a kind; undefined for any other plan. */
export function kindViolation(ref: { kind: string; name: string }, target: string): Violation | undefined {
  const refused = refusedKind(ref.kind, { name: ref.name, target });
  if (!refused) return undefined;
  return {
    code: 'KindNotMoved',
    field: 'spec.workloadRef.kind',
    message: `a plan does not move ${refused.named}: ${refused.reason}`,
    remedy: refused.remedy,
  };
}

/** Every kind that is refused by its name. */
export const REFUSED_KINDS: readonly string[] = Object.keys(WAYS);

/** What names a kind that no plan moves is refused by that name, whatever else it says. */
export function refusedIn(input: unknown): Violation | undefined {
  const { workloadRef, targetSCC } = isRecord(input) ? input : {};
  const { kind, name } = isRecord(workloadRef) ? workloadRef : {};
  if (typeof kind !== 'string') return undefined;
  const named = typeof name === 'string' ? name : 'NAME';
  return kindViolation({ kind, name: named }, typeof targetSCC === 'string' ? targetSCC : 'TARGET');
}
