import { applyChanges } from '../rules/apply.js';
import type { CompiledSCC, CompiledSCCs } from '../model/compile.js';
import { judge } from '../rules/judge.js';
import type { Fit } from '../rules/evaluate.js';
import type { Namespace } from '../model/namespace.js';
import type { Pod, PodTemplate } from '../model/pod.js';
import { podFromTemplate, type WorkloadKind } from './template.js';

/** Facts about a workload beside its template. */
export interface WorkloadContext {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly namespace: Namespace;
  /** The cluster's SCCs. */
  readonly sccs: CompiledSCCs;
  readonly volumeClaimTemplates?: readonly string[] | undefined;
  readonly automountToken?: boolean | undefined;
  /** One of the pods that run now, as the API server shows it. */
  readonly runningPod?: Pod | undefined;
  /** `USER` of each container's image, '' for none; absent when it was not looked at. */
  readonly imageUsers?: Readonly<Record<string, string>> | undefined;
  /** The ports that each container's image says it listens on; absent when it was not looked at. */
  readonly imagePorts?: Readonly<Record<string, readonly number[]>> | undefined;
}

export const podOf = (template: PodTemplate, facts: WorkloadContext): Pod =>
  podFromTemplate(template, {
    namespace: facts.namespace.name,
    name: facts.name,
    kind: facts.kind,
    volumeClaimTemplates: facts.volumeClaimTemplates,
    automountToken: facts.automountToken,
  });

export const judgeTemplate = (scc: CompiledSCC, template: PodTemplate, facts: WorkloadContext): Fit =>
  judge(scc, podOf(template, facts), facts.namespace);

/** The pod as the SCC would leave it; undefined when it does not fit. */
export function resultingPod(scc: CompiledSCC, template: PodTemplate, facts: WorkloadContext): Pod | undefined {
  const pod = podOf(template, facts);
  const fit = judge(scc, pod, facts.namespace);
  return fit.fits ? applyChanges(pod, fit.changes, {}) : undefined;
}
