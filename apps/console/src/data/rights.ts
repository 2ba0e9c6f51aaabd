import type { KnownUser } from './types.js';

const matches = (pattern: string, namespace: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(namespace);

/** Whether a user holds a permission in a namespace; null asks for it in all of them. The API decides all the same. */
export function may(me: Pick<KnownUser, 'permissions'>, permission: string, namespace: string | null): boolean {
  const held = me.permissions.find((one) => one.permission === permission);
  return (
    held?.namespaces.some((pattern) => pattern === '*' || (namespace !== null && matches(pattern, namespace))) ?? false
  );
}

/** Whether a user holds a permission anywhere. */
export const mayAnywhere = (me: Pick<KnownUser, 'permissions'>, permission: string): boolean =>
  me.permissions.some((one) => one.permission === permission);

/** Why a button is not offered; null when it is. */
export function lackOf(
  me: Pick<KnownUser, 'permissions'>,
  permission: string,
  namespace: string | null,
): string | null {
  if (may(me, permission, namespace)) return null;
  const where = namespace === null ? 'in all namespaces' : `in the namespace ${namespace}`;
  return `You lack ${permission} ${where}. Ask an admin for a role that has it.`;
}
