import type { CompiledSCC } from '@scc/scc';

/**
 * The user ids that an SCC admits as a set: an interval, and the block of the namespace. The block lies somewhere in the
 * area from which OpenShift allocates, so that only an interval over the whole area is sure to contain it.
 */
export interface UserIds {
  readonly min: number;
  readonly max: number;
  readonly block: boolean;
}

const HIGHEST = 0xffff_ffff;
const AREA = { min: 1_000_000_000, max: 1_999_999_999 };
const ONLY_BLOCK: UserIds = { min: 0, max: -1, block: true };
const interval = (min: number, max: number): UserIds => ({
  min,
  max,
  block: min <= AREA.min && max >= AREA.max,
});

export function userIdsOf({ runAsUser: rule }: CompiledSCC): UserIds {
  switch (rule.type) {
    case 'RunAsAny':
      return interval(0, HIGHEST);
    case 'MustRunAsNonRoot':
      return interval(1, HIGHEST);
    case 'MustRunAsRange':
      return rule.range ? interval(rule.range.min, rule.range.max) : ONLY_BLOCK;
    case 'MustRunAs':
      return interval(rule.uid, rule.uid);
  }
}

const count = ({ min, max }: Pick<UserIds, 'min' | 'max'>): number => Math.max(0, max - min + 1);
/** Half for all ids there are, half for the block: a measure, so that differences of sets add up. */
const measure = (ids: number, block: boolean): number => (0.5 * ids) / (HIGHEST + 1) + (block ? 0.5 : 0);

export const userIdMeasure = (ids: UserIds): number => measure(count(ids), ids.block);

/** The measure of what the first admits and the second does not. */
export function userIdDifference(a: UserIds, b: UserIds): number {
  const common = count({ min: Math.max(a.min, b.min), max: Math.min(a.max, b.max) });
  return measure(count(a) - common, a.block && !b.block);
}

export const admitsUserId = ({ min, max }: UserIds, id: number): boolean => min <= id && id <= max;
