import type { SELinuxOptions } from '../model/scc.js';
import {
  type ContainerScope,
  type PodScope,
  containerViolation,
  podViolation,
  preallocated,
  type SELinuxMismatch,
  writePod,
} from './scope.js';

const CATEGORIES = /^([^:]*):(.*)$/s;

/** Equal text, or the same sensitivity and the same categories in any order. */
export function sameLevel(a: string, b: string): boolean {
  if (a === b) return true;
  const [, sensitivityA, categoriesA] = CATEGORIES.exec(a) ?? [];
  const [, sensitivityB, categoriesB] = CATEGORIES.exec(b) ?? [];
  if (categoriesA === undefined || categoriesB === undefined || sensitivityA !== sensitivityB) return false;
  const sorted = (list: string) => list.split(',').sort().join(',');
  return sorted(categoriesA) === sorted(categoriesB);
}

/** The options that a MustRunAs SCC asks for in the pod's namespace. */
function requiredOptions({ scc: { seLinux }, namespace }: PodScope): SELinuxOptions | undefined {
  if (seLinux.type === 'RunAsAny') return undefined;
  return seLinux.level === undefined ? { ...seLinux.options, level: preallocated(namespace.level) } : seLinux.options;
}

function mismatches(have: SELinuxOptions | null | undefined, want: SELinuxOptions): SELinuxMismatch[] {
  if (!have) return [{ child: 'seLinuxOptions', value: undefined, bound: JSON.stringify(want) }];
  const found: SELinuxMismatch[] = [];
  for (const key of ['level', 'role', 'type', 'user'] as const) {
    const value = have[key] ?? '';
    const bound = want[key] ?? '';
    if (key === 'level' ? !sameLevel(value, bound) : value !== bound)
      found.push({ child: `seLinuxOptions.${key}`, value, bound });
  }
  return found;
}

const finding = ({ child, value, bound }: SELinuxMismatch) => ({
  rule: 'seLinuxContext' as const,
  child,
  value,
  bound: bound === '' ? 'not set' : bound,
  remedy: bound === '' ? `remove ${child}` : `remove seLinuxOptions or set ${child} to ${bound}`,
  detail: `must be ${bound}`,
});

export function applyPodSELinux(scope: PodScope): void {
  const want = requiredOptions(scope);
  if (!want) return;
  if (!scope.seLinuxOptions) {
    scope.seLinuxOptions = want;
    writePod(scope, 'seLinuxOptions', { ...want });
    return;
  }
  for (const mismatch of mismatches(scope.seLinuxOptions, want)) podViolation(scope, finding(mismatch));
}

/** Never writes: the pod level is filled before the containers are looked at. */
export function applyContainerSELinux(scope: ContainerScope): void {
  const want = requiredOptions(scope.pod);
  if (!want) return;
  const own = scope.context.seLinuxOptions;
  const found = own
    ? mismatches(own, want)
    : (scope.pod.seLinuxMismatches ??= mismatches(scope.pod.seLinuxOptions, want));
  for (const mismatch of found) containerViolation(scope, finding(mismatch));
}
