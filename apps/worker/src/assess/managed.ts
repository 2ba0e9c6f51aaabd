import type { KubeObject } from '@scc/kube';
import { deliveryToolOf, type Violation } from '@scc/plan';
import { isExemptNamespace } from '@scc/scc';
import type { AssessedWorkload, Facts } from './facts.js';
import { isAccepted } from './ways.js';

/** Others that decide about the workload: its owner, its namespace, its mesh, and what scales it. */

/** OLM's own kind of owner, which it does not mark as controller, and its marks on what it installs. */
const OLM_KIND = 'ClusterServiceVersion';
const OLM_OWNER = 'olm.owner';
const OLM_OWNER_KIND = 'olm.owner.kind';

/** The writer of an object's fields on its own account, as `Kind name`. */
function ownersOf({ metadata }: KubeObject): string[] {
  const owners = (metadata.ownerReferences ?? [])
    .filter(({ controller, kind }) => controller === true || kind === OLM_KIND)
    .map(({ kind, name }) => `${kind} ${name}`);
  const installed = metadata.labels?.[OLM_OWNER];
  const byOlm = installed === undefined ? [] : [`${metadata.labels?.[OLM_OWNER_KIND] ?? OLM_KIND} ${installed}`];
  return [...new Set([...owners, ...byOlm])];
}

const nameOf = ({ object }: AssessedWorkload): string => `${object.kind} ${object.metadata.name ?? ''}`;

/** A controller writes back the fields that it owns: an edit of its own would not last. */
const ownedBy = (workload: AssessedWorkload): Violation[] =>
  ownersOf(workload.object).map((owner) => ({
    code: 'WorkloadIsOwned',
    field: 'spec.workloadRef',
    message: `${nameOf(workload)} is controlled by ${owner}, which would take the change back`,
    remedy: `Change the pod template in ${owner} instead.`,
  }));

/** No pod of such a namespace ever gets an SCC, so none could be seen to run under the target. */
const exempted = ({ namespace }: Facts): Violation[] =>
  isExemptNamespace(namespace)
    ? [
        {
          code: 'NamespaceExempt',
          field: 'metadata.namespace',
          message: `pods of the namespace ${namespace.name} are admitted without any SCC, by its name, its run level or its label, so that none could run under the target`,
          remedy:
            'Move the workload to a namespace of its own, or take the label openshift.io/run-level or security.openshift.io/disable-securitycontextconstraints away.',
        },
      ]
    : [];

const DATAPLANE_LABEL = 'istio.io/dataplane-mode';
const AMBIENT_KIND = 'Namespace';

/** Pods are in the ambient mesh by their namespace's label, unless their own says otherwise. */
function isAmbient({ deployment }: AssessedWorkload, { namespace }: Facts): boolean {
  const own = deployment.spec.template.metadata.labels[DATAPLANE_LABEL];
  return (own ?? namespace.labels?.[DATAPLANE_LABEL]) === 'ambient';
}

/** Requests of an ambient mesh are routed by nodes and waypoints, which no router of ours asks. */
function undividedByAmbient(workload: AssessedWorkload, facts: Facts): Violation[] {
  const { spec, ref } = facts;
  const isTaken = isAccepted(spec.traffic.accept, { kind: AMBIENT_KIND, name: ref.namespace }, ref.namespace);
  if (isTaken || !isAmbient(workload, facts)) return [];
  return [
    {
      code: 'AmbientNotDivided',
      field: 'spec.traffic.accept',
      message: `the pods of ${nameOf(workload)} are in the ambient mesh: ztunnel and waypoints send requests to them, and neither can be seen to divide these`,
      remedy: `Use sidecars for the workload and its callers for the time of the migration (label ${DATAPLANE_LABEL}: none, istio-injection: enabled), or accept that requests of the ambient mesh are not divided, by spec.traffic.accept: [{kind: ${AMBIENT_KIND}, name: '${ref.namespace}'}].`,
    },
  ];
}

/** Whether the minimum of an autoscaler is raised while a canary serves, so that the workload does not shrink. */
function isToBeHeld(autoscaler: KubeObject, { deployment }: AssessedWorkload): boolean {
  const { minReplicas = 1 } = (autoscaler['spec'] ?? {}) as { minReplicas?: number };
  return minReplicas < deployment.spec.replicas;
}

/** The minimum of an autoscaler is held while the workload is idle; its owner would write it back. */
const managedAutoscalers = (workload: AssessedWorkload): Violation[] =>
  workload.autoscalers.flatMap((autoscaler) => {
    const owners = ownersOf(autoscaler).join(', ');
    if (owners === '' || !isToBeHeld(autoscaler, workload)) return [];
    return [
      {
        code: 'AutoscalerIsManaged',
        field: 'spec.workloadRef',
        message: `HorizontalPodAutoscaler ${autoscaler.metadata.name ?? ''} is controlled by ${owners}, which would write its minimum back and let the workload shrink while the canary serves`,
        remedy: `Set the minimum in ${owners} to ${workload.deployment.spec.replicas} for the time of the migration (minReplicaCount of a ScaledObject).`,
      },
    ];
  });

/** Why others that decide about a workload would not let a migration be what it says. */
export function managedViolations(facts: Facts): Violation[] {
  const { workload } = facts;
  const divided = workload && !workload.ordered ? workload : null;
  return [
    ...exempted(facts),
    ...(workload ? ownedBy(workload) : []),
    ...(divided ? [...undividedByAmbient(divided, facts), ...managedAutoscalers(divided)] : []),
  ];
}

/** A tool that delivers an autoscaler writes its minimum back at its next delivery, which ends the migration. */
export const deliveredWarnings = (workload: AssessedWorkload): string[] =>
  (workload.ordered ? [] : workload.autoscalers).flatMap((autoscaler) => {
    const delivered = deliveryToolOf(autoscaler.metadata);
    if (!delivered || !isToBeHeld(autoscaler, workload)) return [];
    return [
      `HorizontalPodAutoscaler ${autoscaler.metadata.name ?? ''} is delivered by ${delivered.tool}: its minimum is raised for the time of the migration, which ends when it is written back; have ${delivered.tool} leave spec.minReplicas alone`,
    ];
  });
