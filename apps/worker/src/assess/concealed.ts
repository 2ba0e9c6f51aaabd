import { isRecord } from '@scc/plan';
import type { TemplatePatch } from '@scc/scc';

/** Texts that say under what a pod runs, and what it is called. */
const SHOWN: ReadonlySet<string> = new Set([
  ...['name', 'image', 'serviceAccountName', 'serviceAccount', 'mountPath', 'secretName', 'claimName', '$patch'],
  ...['hostUsers', 'runtimeClassName', 'protocol', 'key', 'fieldPath'],
]);
const HIDDEN = '(as the plan says)';

/**
 * A user's patch as it may be shown to everybody who reads the plan's status, the events or Temporal: security contexts
 * and names as they are, other texts, such as values of environment variables, arguments and annotations, hidden.
 */
export const concealed = (patch: TemplatePatch): TemplatePatch => conceal(patch, false) as TemplatePatch;

function conceal(value: unknown, isShown: boolean): unknown {
  if (typeof value === 'string') return isShown ? value : HIDDEN;
  if (Array.isArray(value)) return value.map((item) => conceal(item, isShown));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const shows = isShown || key === 'securityContext' || (SHOWN.has(key) && typeof member === 'string');
      return [key, conceal(member, shows)];
    }),
  );
}
