import { createHash } from 'node:crypto';
import { leafHash } from '@scc/audit';
import { jsonOf } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { SYSTEM } from '../call/caller.js';
import { shippedScripts } from '../database/migrate.js';
import { type Queryable, rowsOf } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { type FoundContradiction, unanswered } from './answers.js';
import { appendAuditBatch } from './append.js';
import type { AlsoWatched } from './authority-watch.js';
import { chunked } from './chunks.js';
import { schemaObjects, schemaRevision, scriptsRun } from './schema-objects.js';

/** How the tables, and all that acts on them, were when the scripts of a version had run. */
const RECORDED = 'record.schema';
const GONE = 'gone';
const MAX_DEFINITION_CHARACTERS = 200;
/** For so long replicas of this version may live beside the first of a newer one, whose scripts they do not know. */
const UPGRADE_MS = 10 * 60_000;
const SCRIPTS = 'schema_migration';

const entryRow = z.object({ body: z.instanceof(Buffer), sealed: z.instanceof(Buffer).nullable() });
const recordedSchema = z.object({
  details: z.object({
    revision: z.string(),
    objects: z.array(z.object({ object: z.string(), hash: z.string() })),
  }),
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The objects that were recorded of a revision, with their hashes; none before it was recorded. */
async function recordedOf(db: Queryable, revision: string): Promise<Map<string, string>> {
  const rows = await rowsOf(
    db,
    entryRow,
    `select e.body, s.leaf_hash as sealed from audit_entry e left join audit_seal s on s.entry = e.id
     where e.action = $1 order by e.id`,
    [RECORDED],
  );
  return new Map(
    rows
      // One that was altered since it was sealed, or that the service did not write, says nothing; `verify` names it.
      .filter(({ body, sealed }) => sealed === null || leafHash(body).equals(sealed))
      .flatMap(({ body }) => recordedSchema.safeParse(jsonOf(body.toString('utf8'))).data?.details ?? [])
      .filter((details) => details.revision === revision)
      .flatMap(({ objects }) => objects.map(({ object, hash }): [string, string] => [object, hash])),
  );
}

/**
 * Compares the tables of the service and all that acts on them (columns, constraints, triggers, rules, policies,
 * functions, rights, settings) with how they were when the scripts of this version had run, which is in the log.
 */
export class SchemaWatch implements AlsoWatched {
  readonly name = 'the schema';
  private readonly recorded = new Map<string, ReadonlyMap<string, string>>();
  private shipped: Promise<ReadonlyMap<string, string>> | undefined;
  private newerSinceMs: number | null = null;

  constructor(
    private readonly source: DataSource,
    private readonly tables = [...source.entityMetadatas.map(({ tableName }) => tableName), SCRIPTS],
    private readonly nowMs: () => number = Date.now,
  ) {}

  /**
   * Differences that have no answer. The first look at a schema records it, where the scripts of this version made it:
   * a schema of others is nothing to compare with, and stands recorded once somebody has answered for it.
   */
  async look(): Promise<FoundContradiction[]> {
    const { revision, objects, ran } = await this.read();
    const shipped = await (this.shipped ??= shippedScripts());
    const strange = await unanswered(this.source, strangeScripts(shipped, ran));
    if (strange.length > 0) {
      this.newerSinceMs ??= this.nowMs();
      const isUpgrade = strange.every(({ key }) => !shipped.has(key)) && this.nowMs() - this.newerSinceMs < UPGRADE_MS;
      return isUpgrade ? [] : strange;
    }
    this.newerSinceMs = null;
    const recorded = this.recorded.get(revision) ?? (await this.recordOnce(revision, objects));
    this.recorded.set(revision, recorded);
    return unanswered(this.source, differencesOf(recorded, objects));
  }

  private read() {
    return this.source.transaction('REPEATABLE READ', async (tx) => {
      const ran = await scriptsRun(tx);
      const revision = sha256(await schemaRevision(tx, this.tables, ran));
      return { revision, ran, objects: await schemaObjects(tx, this.tables) };
    });
  }

  private recordOnce(revision: string, objects: Map<string, string>): Promise<Map<string, string>> {
    return inTransaction(this.source, async (tx) => {
      await tx.query(`select pg_advisory_xact_lock(hashtext('${RECORDED}'))`);
      const known = await recordedOf(tx, revision);
      if (known.size > 0) return known;
      const hashes = new Map([...objects].map(([object, definition]) => [object, sha256(definition)]));
      await appendAuditBatch(
        tx,
        chunked([...hashes].map(([object, hash]) => ({ object, hash }))).map((part) => ({
          ...{ actor: SYSTEM, action: RECORDED, object: { kind: 'AuditLog' }, requestId: null },
          details: { revision, objects: part },
        })),
      );
      return hashes;
    });
  }
}

/** Scripts that have run and are none of this version, and scripts of this version that have not run as they are. */
function strangeScripts(shipped: ReadonlyMap<string, string>, ran: ReadonlyMap<string, string>): FoundContradiction[] {
  const lost = [...shipped.keys()].filter((name) => !ran.has(name));
  const others = [...ran].filter(([name, checksum]) => shipped.get(name) !== checksum).map(([name]) => name);
  return [...lost, ...others].map((key) => ({
    ...{ fault: 'schema-changed', table: SCRIPTS, key, by: null },
    holds: { stands: ran.has(key) ? sha256(`${key} ${ran.get(key)}`) : GONE },
    message: !ran.has(key)
      ? `the row of the script ${key}, which this version ran, is gone`
      : shipped.has(key)
        ? `the script ${key} has run with another content than this version's`
        : `the script ${key} is none of this version: a newer version ran it, or somebody wrote its row, so that the schema cannot be compared`,
  }));
}

function differencesOf(
  recorded: ReadonlyMap<string, string>,
  objects: ReadonlyMap<string, string>,
): FoundContradiction[] {
  const lost = [...recorded.keys()].filter((object) => !objects.has(object)).map((object) => foundOf(object, null));
  const others = [...objects].flatMap(([object, definition]) => {
    const before = recorded.get(object);
    if (before === sha256(definition)) return [];
    return [foundOf(object, { definition, isNew: before === undefined })];
  });
  return [...lost, ...others];
}

function foundOf(object: string, is: { definition: string; isNew: boolean } | null): FoundContradiction {
  const definition = is?.definition.replaceAll(/\s+/g, ' ').slice(0, MAX_DEFINITION_CHARACTERS) ?? '';
  const message =
    is === null
      ? `${object} is gone since the schema was recorded`
      : is.isNew
        ? `${object} was not there when the schema was recorded: ${definition}`
        : `${object} is another than when the schema was recorded: ${definition}`;
  return {
    ...{ fault: 'schema-changed', table: 'schema', key: object, by: null, message },
    holds: { stands: is === null ? GONE : sha256(is.definition) },
  };
}
