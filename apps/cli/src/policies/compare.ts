import type { PolicyDocument, PolicyVersion, StoredBinding } from '@scc/policy';
import type { FileBinding } from './files.js';

/** How a document in the files differs from what governance has. */
export interface PolicyChange {
  kind: 'Policy' | 'PolicyBinding';
  name: string;
  change: 'new' | 'changed' | 'same' | 'only in governance';
  /** The fields that differ, as JSON pointers, with what is in the files; undefined where they have none. */
  fields: { field: string; value: unknown }[];
}

/** What governance has: the newest version of each policy, and the older ones that are bound. */
export interface Stored {
  policies: readonly PolicyVersion[];
  older: readonly PolicyVersion[];
  bindings: readonly StoredBinding[];
}

const pointer = (at: string, key: string): string => `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
const fieldsOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : undefined;

/** The fields by which two values of JSON differ; the members of lists are compared place by place. */
function differences(before: unknown, after: unknown, at = ''): PolicyChange['fields'] {
  if (Object.is(before, after)) return [];
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  if (!old || !now || Array.isArray(before) !== Array.isArray(after)) return [{ field: at, value: after }];
  const names = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...names].flatMap((name) => differences(old[name], now[name], pointer(at, name)));
}

function changeOf(kind: PolicyChange['kind'], name: string, before: object | undefined, after: object): PolicyChange {
  if (before === undefined) return { kind, name, change: 'new', fields: [] };
  const fields = differences(before, after);
  return { kind, name, change: fields.length > 0 ? 'changed' : 'same', fields };
}

/** The content of a binding, without who stored it. */
const contentOf = ({ rowVersion: _row, changedBy: _by, changedAt: _at, ...content }: StoredBinding) => content;

/** How policies and bindings in files differ from those of governance. @param documents the policies of the files */
export function policyChanges(
  documents: readonly PolicyDocument[],
  bindings: readonly FileBinding[],
  stored: Stored,
): PolicyChange[] {
  const policies = documents.map((document) =>
    changeOf('Policy', document.name, likest(document, stored)?.document, document),
  );
  const nextVersion = new Map(stored.policies.map(({ name, version }) => [name, version]));
  for (const [index, document] of documents.entries())
    nextVersion.set(document.name, versionAfter(document, policies[index], stored));
  const bound = bindings.map((binding) => {
    const before = stored.bindings.find(({ name }) => name === binding.name);
    const after = { ...binding, version: binding.version ?? nextVersion.get(binding.policy) };
    return changeOf('PolicyBinding', binding.name, before && contentOf(before), after);
  });
  const missing = stored.bindings
    .filter(({ name }) => !bindings.some((binding) => binding.name === name))
    .map(({ name }) => ({ kind: 'PolicyBinding' as const, name, change: 'only in governance' as const, fields: [] }));
  return [...policies, ...bound, ...missing];
}

const isSame = (document: PolicyDocument, other: PolicyVersion): boolean =>
  other.name === document.name && differences(other.document, document).length === 0;

/** The version with the same content, or the newest one. */
export const likest = (document: PolicyDocument, { policies, older }: Stored): PolicyVersion | undefined =>
  [...policies, ...older].find((version) => isSame(document, version)) ??
  policies.find(({ name }) => name === document.name);

/** The version that a policy of the files has once it is stored. */
function versionAfter(document: PolicyDocument, change: PolicyChange | undefined, stored: Stored): number {
  const found = likest(document, stored)?.version ?? 0;
  return change?.change === 'same' ? found : found + 1;
}
