import type { KubeObject } from '@scc/kube';
import { deliveryToolOf, type Violation } from '@scc/plan';
import { AMBIENT_KIND, isOwned, ownersOf, undividedInAmbient } from '@scc/routing';
import { isExemptNamespace } from '@scc/scc';
import { isUndivided, type AssessedWorkload, type Facts } from './facts.js';
import { isAccepted } from './ways.js';

/** Others that decide about the workload: its owner, its namespace, its mesh, and what scales it. */

/** A controller writes back the fields that it owns: an edit of its own would not last. */
const ownedBy = ({ object }: AssessedWorkload): Violation[] =>
  isOwned({
    kind: object.kind,
    name: object.metadata.name ?? '',
    owners: object.metadata.ownerReferences ?? [],
    labels: object.metadata.labels ?? {},
  });

/** No pod of such a namespace ever gets an SCC, so none could be seen to run under the target. */
const exempted = ({ namespace }: Facts): Violation[] =>
  isExemptNamespace(namespace)
    ? [
        {
          code: 'NamespaceExempt',
          field: 'metadata.namespace',
          message: `pods of the namespace ${namespace.name} are admitted without any SCC, by its name, its run level or its label, so that none could run under the target`,
          remedy: `Move the workload to a namespace of its own, or take the label away: kubectl label namespace ${namespace.name} openshift.io/run-level- security.openshift.io/disable-securitycontextconstraints-.`,
        },
      ]
    : [];

/** Requests of an ambient mesh are routed by nodes and waypoints, which no router of ours asks. */
function undividedByAmbient(
  { object, deployment, services }: AssessedWorkload,
  { spec, ref, namespace }: Facts,
): Violation[] {
  const isTaken = isAccepted(spec.traffic.accept, { kind: AMBIENT_KIND, name: ref.namespace }, ref.namespace);
  if (isTaken) return [];
  return undividedInAmbient({
    ...{ kind: object.kind, name: object.metadata.name ?? '', namespace: ref.namespace, services },
    podLabels: deployment.spec.template.metadata.labels,
    namespaceLabels: namespace.labels,
  });
}

/** Whether the minimum of an autoscaler is raised while a canary serves, so that the workload does not shrink. */
function isToBeHeld(autoscaler: KubeObject, { deployment }: AssessedWorkload): boolean {
  const { minReplicas = 1 } = (autoscaler['spec'] ?? {}) as { minReplicas?: number };
  return minReplicas < deployment.spec.replicas;
}

/** The command where the owner is KEDA's own kind. */
function byKeda(owners: readonly { kind: string; name: string }[], pods: number): string {
  const scaled = owners.find(({ kind }) => kind === 'ScaledObject');
  if (!scaled) return '';
  const patch = JSON.stringify({ spec: { minReplicaCount: pods } });
  return `: kubectl patch scaledobject ${scaled.name} --type merge -p '${patch}'`;
}

/** The minimum of an autoscaler is held while the workload is idle; its owner would write it back. */
const managedAutoscalers = (workload: AssessedWorkload): Violation[] =>
  workload.autoscalers.flatMap((autoscaler) => {
    const { ownerReferences = [], labels = {} } = autoscaler.metadata;
    const owners = ownersOf({ owners: ownerReferences, labels }).join(', ');
    if (owners === '' || !isToBeHeld(autoscaler, workload)) return [];
    return [
      {
        code: 'AutoscalerIsManaged',
        field: 'spec.workloadRef',
        message: `HorizontalPodAutoscaler ${autoscaler.metadata.name ?? ''} is controlled by ${owners}, which would write its minimum back and let the workload shrink while the canary serves`,
        remedy: `Set the minimum in ${owners} to ${workload.deployment.spec.replicas} for the time of the migration${byKeda(ownerReferences, workload.deployment.spec.replicas)}.`,
      },
    ];
  });

/** Why others that decide about a workload would not let a migration be what it says. */
export function managedViolations(facts: Facts): Violation[] {
  const { workload } = facts;
  const divided = workload && !isUndivided(workload) ? workload : null;
  return [
    ...exempted(facts),
    ...(workload ? ownedBy(workload) : []),
    ...(divided ? [...undividedByAmbient(divided, facts), ...managedAutoscalers(divided)] : []),
  ];
}

/** A tool that delivers an autoscaler writes its minimum back at its next delivery, which ends the migration. */
export const deliveredWarnings = (workload: AssessedWorkload): string[] =>
  (isUndivided(workload) ? [] : workload.autoscalers).flatMap((autoscaler) => {
    const delivered = deliveryToolOf(autoscaler.metadata);
    if (!delivered || !isToBeHeld(autoscaler, workload)) return [];
    return [
      `HorizontalPodAutoscaler ${autoscaler.metadata.name ?? ''} is delivered by ${delivered.tool}: its minimum is raised for the time of the migration, which ends when it is written back; have ${delivered.tool} leave spec.minReplicas alone`,
    ];
  });

/** Kinds that nobody reconciles into workloads. */
const GARBAGE_OWNERS: ReadonlySet<string> = new Set(['ConfigMap', 'Secret', 'Namespace', 'Node']);

/** Owners that are no controllers may only collect garbage, or write the template all the same: nothing says which. */
export const ownerWarnings = ({ object: { kind, metadata } }: AssessedWorkload): string[] =>
  (metadata.ownerReferences ?? [])
    .filter((owner) => owner.controller !== true && !GARBAGE_OWNERS.has(owner.kind))
    .map(
      (owner) =>
        `${kind} ${metadata.name ?? ''} belongs to ${owner.kind} ${owner.name}, which is not marked as its controller: where its operator writes the template, it takes the change back, and the change belongs there`,
    );
