import type { Condition } from './schema.js';

/** A condition keeps the time of its last transition while its status stays. */
export function setCondition(conditions: Condition[], next: Condition): Condition[] {
  const before = conditions.find(({ type }) => type === next.type);
  const lastTransitionTime = before?.status === next.status ? before.lastTransitionTime : next.lastTransitionTime;
  return [...conditions.filter(({ type }) => type !== next.type), { ...next, lastTransitionTime }];
}
