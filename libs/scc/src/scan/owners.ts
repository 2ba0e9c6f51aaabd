import { type ClusterObject, groupOf } from './objects.js';
import type { Workload } from './workloads.js';

/** Who would take back a change of the template. */
export interface Owner {
  readonly by: 'operator' | 'Argo CD' | 'Flux' | 'Helm';
  readonly name: string;
}

type Words = Readonly<Record<string, string>>;

const argo = (labels: Words, annotations: Words): string | undefined =>
  annotations['argocd.argoproj.io/tracking-id']?.split(':')[0] ?? labels['argocd.argoproj.io/instance'];

const flux = (labels: Words): string | undefined =>
  ['kustomize', 'helm'].flatMap((kind) => {
    const name = labels[`${kind}.toolkit.fluxcd.io/name`];
    return name === undefined ? [] : [`${labels[`${kind}.toolkit.fluxcd.io/namespace`] ?? ''}/${name}`];
  })[0];

const helm = (labels: Words, annotations: Words): string | undefined =>
  annotations['meta.helm.sh/release-name'] ??
  (labels['app.kubernetes.io/managed-by'] === 'Helm' ? (labels['app.kubernetes.io/instance'] ?? '') : undefined);

function toolOf({ metadata }: ClusterObject): Owner | null {
  const [labels, annotations] = [metadata.labels ?? {}, metadata.annotations ?? {}];
  const found: readonly (readonly [Owner['by'], string | undefined])[] = [
    ['Argo CD', argo(labels, annotations)],
    ['Flux', flux(labels)],
    ['Helm', helm(labels, annotations)],
  ];
  for (const [by, name] of found) if (name !== undefined) return { by, name };
  return null;
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
