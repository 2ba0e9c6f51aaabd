import type { GroupRule } from '../model/compile.js';
import type { IdRange } from '../model/scc.js';
import type { Preallocated } from '../model/namespace.js';
import { type PodScope, podViolation, preallocated, writePod } from './scope.js';

const contains = (ranges: readonly IdRange[], group: number): boolean =>
  ranges.some(({ min, max }) => group >= min && group <= max);

const showRanges = (ranges: readonly IdRange[]): string => ranges.map(({ min, max }) => `${min}-${max}`).join(',');

const rangesOf = (
  rule: GroupRule & { type: 'MustRunAs' },
  fromNamespace: Preallocated<readonly IdRange[]>,
): readonly IdRange[] => rule.ranges ?? preallocated(fromNamespace);

function validate(
  scope: PodScope,
  field: 'fsGroup' | 'supplementalGroups',
  { groups, ranges }: { groups: readonly number[]; ranges: readonly IdRange[] },
): void {
  if (groups.length > 0 && groups.every((group) => contains(ranges, group))) return;
  const bound = showRanges(ranges);
  const remedy = `remove ${field} or use ids of ${bound}`;
  const shared = { rule: field, child: field, value: groups, bound, remedy };
  if (groups.length === 0)
    podViolation(scope, { ...shared, detail: 'unable to validate empty groups against required ranges' });
  for (const group of groups)
    if (!contains(ranges, group)) podViolation(scope, { ...shared, detail: `${group} is not an allowed group` });
}

export function applyFsGroup(scope: PodScope): void {
  const rule = scope.scc.fsGroup;
  if (rule.type === 'RunAsAny') return;
  const ranges = rangesOf(rule, scope.namespace.fsGroup);
  let group = scope.context.fsGroup ?? undefined;
  if (group === undefined && ranges[0]) {
    group = ranges[0].min;
    writePod(scope, 'fsGroup', group);
  }
  validate(scope, 'fsGroup', { groups: group === undefined ? [] : [group], ranges });
}

/** An explicit empty list is not "unset": it gets no default and then fails as empty. */
export function applySupplementalGroups(scope: PodScope): void {
  const rule = scope.scc.supplementalGroups;
  if (rule.type === 'RunAsAny') return;
  const ranges = rangesOf(rule, scope.namespace.supplementalGroups);
  let groups = scope.context.supplementalGroups ?? undefined;
  if (groups === undefined && ranges[0]) {
    groups = [ranges[0].min];
    writePod(scope, 'supplementalGroups', groups);
  }
  validate(scope, 'supplementalGroups', { groups: groups ?? [], ranges });
}
