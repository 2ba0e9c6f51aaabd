import { type DeliveryTool, deliveryToolOf } from '@scc/plan';
import { type ClusterObject, groupOf } from './objects.js';
import type { Workload } from './workloads.js';

/** Who would take back a change of the template. */
export interface Owner {
  readonly by: 'operator' | DeliveryTool['tool'];
  readonly name: string;
}

const FLUX_NAMESPACE = /^(kustomize|helm)\.toolkit\.fluxcd\.io\/namespace$/;

/** The tool that delivers an object, by the marks on it. */
function toolOf({ metadata }: ClusterObject): Owner | null {
  const [labels, annotations] = [metadata.labels ?? {}, metadata.annotations ?? {}];
  const delivered = deliveryToolOf({ labels, annotations });
  if (!delivered) return null;
  const { tool, name } = delivered;
  if (tool === 'Helm') return { by: tool, name: name ?? labels['app.kubernetes.io/instance'] ?? '' };
  if (tool === 'Argo CD') return { by: tool, name: name ?? '' };
  const namespace = Object.entries(labels).find(([key]) => FLUX_NAMESPACE.test(key))?.[1];
  return { by: tool, name: `${namespace ?? ''}/${name ?? ''}` };
}

/** The owner of a workload's template, or null when people own it. An operator comes before tools. */
export function ownerOf({ operator, object }: Workload): Owner | null {
  if (operator)
    return {
      by: 'operator',
      name: `${operator.kind}${groupOf(operator.apiVersion) ? `.${groupOf(operator.apiVersion)}` : ''} ${operator.name}`,
    };
  const olm = object.metadata.labels?.['olm.owner'];
  return olm ? { by: 'operator', name: olm } : toolOf(object);
}
