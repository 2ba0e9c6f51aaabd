import { RECORD_REVISION } from '@scc/audit';
import { z } from 'zod';
import { type Queryable, rowOf } from './rows.js';

/** By this name PostgreSQL shows the connections of earlier versions, which had no revision yet. */
const UNNUMBERED = 'scc-governance';

/** How connections of this version are named: with what it writes into the log. */
export const APPLICATION = `${UNNUMBERED}/${RECORD_REVISION}`;

const seenRow = z.object({ older: z.boolean() });

/** Whether a replica is connected, under the role of this one, that writes less into the log than this version. */
export async function isOlderConnected(db: Queryable): Promise<boolean> {
  const row = await rowOf(
    db,
    seenRow,
    `select exists (select from pg_stat_activity where datname = current_database() and usename = current_user
       and (application_name = $1 or application_name ~ '^scc-governance/[0-9]{1,9}$'
         and split_part(application_name, '/', 2)::int < $2)) as older`,
    [UNNUMBERED, RECORD_REVISION],
  );
  return row?.older ?? false;
}
