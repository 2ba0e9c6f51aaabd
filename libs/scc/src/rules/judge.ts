import type { CompiledSCC } from '../model/compile.js';
import { type Namespace, namespaceValues, type NamespaceValues } from '../model/namespace.js';
import type { Pod } from '../model/pod.js';
import { evaluate, type Fit } from './evaluate.js';

const isWhole = ({ uidRange, level, fsGroup, supplementalGroups }: NamespaceValues): boolean =>
  uidRange.ok && level.ok && fsGroup.ok && supplementalGroups.ok;

/** Why an SCC cannot judge pods of this namespace at all. */
export function providerError(scc: CompiledSCC, values: NamespaceValues, namespace: string): string | undefined {
  if (scc.error !== undefined)
    return `error creating provider for SCC ${scc.name} in namespace ${namespace}: ${scc.error}`;
  if (isWhole(values)) return undefined;
  const needed = [
    ['uid', scc.runAsUser.type === 'MustRunAsRange' && !scc.runAsUser.range, values.uidRange],
    ['mcs', scc.seLinux.type === 'MustRunAs' && scc.seLinux.level === undefined, values.level],
    ['group', scc.fsGroup.type === 'MustRunAs' && !scc.fsGroup.ranges, values.fsGroup],
    ['group', scc.supplementalGroups.type === 'MustRunAs' && !scc.supplementalGroups.ranges, values.supplementalGroups],
  ] as const;
  for (const [what, isNeeded, value] of needed)
    if (isNeeded && !value.ok)
      return `unable to find pre-allocated ${what} annotation for namespace ${namespace} while trying to configure SCC ${scc.name}: ${value.error}`;
  return undefined;
}

/**
 * Would this SCC admit the pod in this namespace, regardless of its users? A reason for which it cannot judge at all is a
 * violation, too.
 */
export function judge(scc: CompiledSCC, pod: Pod, namespace: Namespace): Fit {
  const values = namespaceValues(namespace);
  const message = providerError(scc, values, namespace.name);
  if (message === undefined) return evaluate(scc, pod, values);
  const remedy = 'correct the SCC, or the annotations of the namespace';
  const about = {
    field: 'metadata.namespace',
    value: namespace.name,
    bound: 'a namespace that the SCC can be used in',
  };
  return { fits: false, violations: [{ rule: 'namespace', ...about, remedy, message }], omitted: 0 };
}
