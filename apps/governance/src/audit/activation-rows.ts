import { z } from 'zod';
import { instantText } from '../database/instant.js';

/** What an entry says of a row of the registry: all of it, so that the two can be compared. */
export const ACTIVATION_HOLDS = `json_build_object('namespace', namespace, 'kind', kind, 'name', name, 'scc', scc,
  'version', scc_version::text, 'planUid', plan_uid, 'actor', actor, 'manager', manager, 'reason', reason,
  'key', source_key, 'from', ${instantText('activated_at')}, 'to', ${instantText('deactivated_at')},
  'toAfter', ${instantText('deactivated_after')}, 'endedBy', deactivated_by)`;

/** To be returned by a statement that writes such rows. */
export const ACTIVATION = `id::text as id, ${ACTIVATION_HOLDS} as holds`;

const text = z.string().nullable();
export const writtenActivation = z.object({
  id: z.string(),
  holds: z.object({
    ...{ namespace: z.string(), kind: z.string(), name: z.string(), scc: z.string(), version: text },
    ...{ planUid: text, actor: text, manager: text, reason: z.string(), key: z.string() },
    ...{ from: z.string(), to: text, toAfter: text, endedBy: text },
  }),
});
export type WrittenActivation = z.infer<typeof writtenActivation>;
