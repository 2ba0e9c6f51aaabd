import type { EntityManager } from 'typeorm';
import { newestVersion, saveBinding, savePolicy } from './store.js';
import { defaultBindings, defaultPolicies } from './defaults.js';

/** Stores and binds the default policies that the database has never had. What somebody changed or unbound stays. */
export async function installDefaultPolicies(tx: EntityManager, now: Date): Promise<string[]> {
  const context = { actor: { name: 'system:governance', groups: [], roles: [] }, requestId: null, now };
  const installed: string[] = [];
  await tx.query('select pg_advisory_xact_lock(44)');
  for (const document of defaultPolicies()) {
    if (await newestVersion(tx, document.name)) continue;
    await savePolicy(tx, document, 0, context);
    const binding = defaultBindings().find(({ policy }) => policy === document.name);
    if (binding) await saveBinding(tx, binding, 0, context);
    installed.push(document.name);
  }
  return installed;
}
