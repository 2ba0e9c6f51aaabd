import { WORKLOADS_LABEL } from '@scc/plan';
import {
  controllerSubject,
  decide,
  type Decision,
  type Namespace,
  podFromTemplate,
  type PodTemplate,
  podTemplateSchema,
  type WorkloadKind,
} from '@scc/scc';
import { z } from 'zod';
import {
  ALLOWED,
  type Answer,
  denied,
  type HintedAnswer,
  notUnderstood,
  type ReviewOutcome,
} from '../review/outcome.js';
import { noteWrite } from '../review/note-write.js';
import type { ReviewRequest } from '../review/review.js';
import { readControllerOf } from '../cache/workloads.js';
import { containersIn, objectionToSize } from './container-limit.js';
import type { Hook, HookContext } from './hook.js';
import { admissionRequest, remediesOf } from './pod-request.js';

const templated = z.looseObject({ template: podTemplateSchema });
const claimsSchema = z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })).nullish();
const workloadSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string().default('') }),
  spec: templated.extend({ volumeClaimTemplates: claimsSchema }),
});
const cronJobSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string().default('') }),
  spec: z.looseObject({ jobTemplate: z.looseObject({ spec: templated }) }),
});

type Kind = Exclude<WorkloadKind, 'Pod'>;
const GROUPS: Record<string, readonly Kind[]> = {
  '': ['ReplicationController'],
  apps: ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'],
  batch: ['Job', 'CronJob'],
  'apps.openshift.io': ['DeploymentConfig'],
};

/** The kinds of which the registry says what they run under. */
const TRACKED: ReadonlySet<Kind> = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

interface Workload {
  readonly name: string;
  readonly template: PodTemplate;
  readonly claims: readonly string[];
}

function workloadOf(kind: Kind, object: unknown): Workload | undefined {
  if (kind === 'CronJob') {
    const { data } = cronJobSchema.safeParse(object);
    return data && { name: data.metadata.name, template: data.spec.jobTemplate.spec.template, claims: [] };
  }
  const { data } = workloadSchema.safeParse(object);
  const claims = (data?.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
  return data && { name: data.metadata.name, template: data.spec.template, claims };
}

interface WorkloadReview {
  readonly kind: Kind;
  readonly workload: Workload;
  readonly before: Workload | undefined;
}

function workloadsOf({
  kind: { group, kind },
  operation,
  object,
  oldObject,
}: ReviewRequest): WorkloadReview | undefined {
  const known = GROUPS[group]?.find((candidate) => candidate === kind);
  const workload = known && workloadOf(known, object);
  if (!workload) return undefined;
  if (operation === 'CREATE') return { kind: known, workload, before: undefined };
  const before = operation === 'UPDATE' ? workloadOf(known, oldObject) : undefined;
  return before && { kind: known, workload, before };
}

const sccOf = (decision: Decision | undefined): string | undefined =>
  decision?.decision === 'admitted' ? decision.scc : undefined;

/** Foresees under which SCC the pods of a workload will run, and says so when it is none or another one. */
export function foreseeWorkloads({ cache, config }: HookContext): Hook {
  const foresee = (kind: Kind, workload: Workload, namespace: Namespace): Decision => {
    const { name, template, claims } = workload;
    const origin = { namespace: namespace.name, name, kind, volumeClaimTemplates: claims };
    const pod = podFromTemplate(template, origin);
    const asked = admissionRequest(cache, { operation: 'CREATE', pod, namespace }, controllerSubject(kind));
    return decide(asked, cache.constraints.compiled);
  };
  const policyOf = ({ labels }: Namespace): 'warn' | 'deny' => {
    const label = labels?.[WORKLOADS_LABEL];
    return label === 'warn' || label === 'deny' ? label : config.workloads;
  };
  const judge = (decision: Decision, namespace: Namespace, before: string | undefined): Answer => {
    switch (decision.decision) {
      case 'ignored':
        return ALLOWED;
      case 'admitted':
        return {
          allowed: true,
          audit: { scc: decision.scc },
          ...(before !== undefined && before !== decision.scc
            ? { warnings: [`its pods will run under ${decision.scc} instead of ${before}`] }
            : {}),
        };
      case 'rejected': {
        const remedies = remediesOf(decision.failures);
        if (policyOf(namespace) === 'deny') return denied(decision.message, { warnings: remedies });
        return { allowed: true, warnings: [`its pods will be refused: ${decision.message}`, ...remedies] };
      }
    }
  };
  const tooLarge = (objection: string, namespace: Namespace): Answer =>
    policyOf(namespace) === 'deny'
      ? denied(`its pods will be refused: ${objection}`)
      : { allowed: true, warnings: [`its pods will be refused: ${objection}`] };
  return {
    path: '/validate/workloads',
    whenUndecided: 'allow',
    decide: (request: ReviewRequest): ReviewOutcome => {
      const read = workloadsOf(request);
      if (!read) return notUnderstood('it is not about a workload that is created or updated');
      const { kind, workload, before } = read;
      // The writer of the owner was told already, and the owner's controller reads no warnings.
      if (readControllerOf(request.object)) return ALLOWED;
      if (before && JSON.stringify(before.template) === JSON.stringify(workload.template)) return ALLOWED;
      const name = request.namespace ?? '';
      const namespace = cache.namespaces.get(name);
      if (!namespace) return { undecided: `namespace ${name} is not known yet` };
      const objection = objectionToSize(containersIn(workload.template.spec));
      const note = (answer: Answer): HintedAnswer =>
        TRACKED.has(kind) ? noteWrite(answer, request, { namespace: name, kind, name: workload.name }) : answer;
      if (objection !== undefined) return note(tooLarge(objection, namespace));
      const was = before && sccOf(foresee(kind, before, namespace));
      return note(judge(foresee(kind, workload, namespace), namespace, was));
    },
  };
}
