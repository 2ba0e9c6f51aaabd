import { jsonOf, messageOf, pause } from '@scc/runtime';
import {
  auditBodySchema,
  type Checkpoint,
  isSignedBy,
  KEY_ROTATED,
  NoteError,
  parseCheckpoint,
  parseVerifier,
  type PublishedRotation,
} from '@scc/audit';
import type { Logger } from '@scc/runtime';
import { z } from 'zod';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { isAnswered } from './answers.js';
import { rootAt } from './proofs.js';

/** Where the newest checkpoint is kept, out of the database's reach. `sccctl audit verify` reads it there. */
export const CHECKPOINT_CONFIGMAP = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'scc-system',
  name: 'scc-audit-checkpoint',
} as const;
export const AUDIT_FIELD_MANAGER = 'scc-audit';

interface ConfigMapObject {
  apiVersion: string;
  kind: string;
  metadata: { namespace: string; name: string; resourceVersion?: string };
  data: Record<string, string>;
}

/** The part of a Kubernetes client that publishing needs. */
export interface CheckpointStore {
  get(id: typeof CHECKPOINT_CONFIGMAP): Promise<unknown>;
  apply(object: ConfigMapObject, options: { fieldManager: string; force: boolean }): Promise<unknown>;
}

export interface PublisherOptions {
  /** Null without a cluster: checkpoints then go to standard output only. */
  store: CheckpointStore | null;
  db: Queryable;
  /** The public key in its text form, published beside the checkpoint for those who pin it. */
  vkey: string;
  logger: Logger;
  everyMs?: number;
}

interface Offered {
  size: number;
  note: string;
}

const storedSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().optional() }),
  data: z.object({ checkpoint: z.string() }),
});

/** The log does not continue what was published before: its end was removed, or it was rewritten or restored. */
class LogContradicted extends Error {
  override readonly name = 'LogContradicted';

  /** @param published the checkpoint that the log does not continue. */
  constructor(
    message: string,
    readonly published: string,
  ) {
    super(message);
  }
}

/** Published checkpoints that the log does not continue. */
export interface PublishedContradiction {
  message: string;
  checkpoint: string;
}

const EVERY_MS = 1_000;

/**
 * Publishes the newest checkpoint to standard output and into a ConfigMap, at most once a second; those between are
 * skipped. A published checkpoint is evidence, so it is replaced only by a checkpoint of a log that continues it: a
 * database restored from a backup must not cover up its own gap.
 */
export class CheckpointPublisher {
  private readonly stopping = new AbortController();
  private pending: Offered | null = null;
  private running: Promise<void> | null = null;
  private contradiction: PublishedContradiction | null = null;
  /** The newest checkpoint that this process saw published. */
  private seen: Offered | null = null;
  private altered: string | null = null;
  private lastFailure: string | null = null;

  constructor(private readonly options: PublisherOptions) {}

  /** Takes a checkpoint, returns at once; to be given to the sealer as `onCheckpoint`. */
  readonly offer = ({ size, note }: Offered): void => {
    if (this.stopping.signal.aborted || size <= (this.pending?.size ?? -1)) return;
    this.pending = { size, note };
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
  };

  /** Why the log cannot be the one that was published before, null while it can. */
  get contradicted(): string | null {
    return this.contradiction?.message ?? null;
  }

  /** The same, with what was published. */
  get refused(): PublishedContradiction | null {
    return this.contradiction;
  }

  /**
   * Looks at what is published. What was done to it since this process saw it last is told once, and what was taken away
   * is published again.
   * @returns what was done; null for nothing, or when nobody can be asked
   */
  async alteration(): Promise<string | null> {
    const { store, logger } = this.options;
    try {
      if (store) await this.compareSeen(await store.get(CHECKPOINT_CONFIGMAP));
    } catch (error) {
      logger.warn({ err: error }, 'what is published of the audit log could not be looked at');
    }
    const told = this.altered;
    this.altered = null;
    return told;
  }

  /** Publishes what was offered last, then ends. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    for (let next = this.pending; next; next = this.pending) {
      const published = await this.publish(next);
      if (published && this.pending === next) this.pending = null;
      if (this.stopping.signal.aborted && !published) return;
      await pause(this.options.everyMs ?? EVERY_MS, this.stopping.signal);
    }
  }

  private async publish(offered: Offered): Promise<boolean> {
    const { store, logger } = this.options;
    try {
      if (store) await this.write(store, offered);
      this.contradiction = this.lastFailure = null;
      logger.info({ size: offered.size, checkpoint: offered.note }, 'audit checkpoint');
      return true;
    } catch (error) {
      this.reportFailure(error, offered.size);
      return false;
    }
  }

  /** Tried again every second; said once. */
  private reportFailure(error: unknown, size: number): void {
    const isContradicted = error instanceof LogContradicted;
    if (isContradicted) this.contradiction = { message: error.message, checkpoint: error.published };
    const message = messageOf(error);
    if (message === this.lastFailure) return;
    this.lastFailure = message;
    this.options.logger[isContradicted ? 'error' : 'warn'](
      { err: error, size },
      'the audit checkpoint was not published',
    );
  }

  private async write(store: CheckpointStore, { size, note }: Offered): Promise<void> {
    const found = await store.get(CHECKPOINT_CONFIGMAP);
    await this.compareSeen(found);
    const stored = storedSchema.safeParse(found);
    const before = stored.success ? readStored(stored.data.data.checkpoint) : null;
    if (before) {
      const contradiction = await contradictionTo(this.options.db, before);
      if (contradiction !== null && !(await isAnswered(this.options.db, before.note)))
        throw new LogContradicted(contradiction, before.note);
      if (contradiction === null && before.size >= size) {
        this.seen = before;
        return;
      }
    }
    const { apiVersion, kind, namespace, name } = CHECKPOINT_CONFIGMAP;
    const resourceVersion = stored.data?.metadata.resourceVersion;
    await store.apply(
      {
        apiVersion,
        kind,
        // With the version that was read, a write of another replica in between makes this one fail.
        metadata: { namespace, name, ...(resourceVersion !== undefined && { resourceVersion }) },
        data: {
          ...{ checkpoint: note, size: String(size), key: this.options.vkey },
          rotations: JSON.stringify(await newestRotations(this.options.db)),
        },
      },
      { fieldManager: AUDIT_FIELD_MANAGER, force: true },
    );
    this.seen = { size, note };
  }

  private async compareSeen(found: unknown): Promise<void> {
    const { seen } = this;
    const text = storedSchema.safeParse(found).data?.data.checkpoint;
    const now = text === undefined ? null : readStored(text);
    if (!seen) {
      if (text !== undefined && !now) this.altered ??= 'what is published is a text that is no checkpoint';
      return;
    }
    if (now && now.size >= seen.size) return;
    // The database itself was set back: what is published follows it once somebody has answered for that.
    const own = readStored(seen.note);
    if (!own || (await contradictionTo(this.options.db, own)) !== null) return;
    this.altered ??= `the published checkpoint of ${seen.size} entries was ${alterationTo(text, now)}`;
    this.seen = null;
    this.offer(seen);
  }
}

function alterationTo(text: string | undefined, now: Stored | null): string {
  if (now) return `exchanged for one of ${now.size}`;
  return text === undefined ? 'taken away' : 'exchanged for a text that is no checkpoint';
}

interface Stored {
  note: string;
  size: number;
  root: Buffer;
}

/** A text that is not a checkpoint proves nothing and may be replaced. */
function readStored(note: string): Stored | null {
  try {
    const { size, root } = parseCheckpoint(note);
    return { note, size, root };
  } catch (error) {
    if (error instanceof NoteError) return null;
    throw error;
  }
}

/** As many rotations are published: what the keys before them signed is no longer in use. */
const MAX_ROTATIONS = 20;
const bodyRow = z.object({ body: z.instanceof(Buffer) });

/** The rotations of the key that are in the log, oldest first. */
async function newestRotations(db: Queryable): Promise<PublishedRotation[]> {
  const rows = await rowsOf(
    db,
    bodyRow,
    `select e.body from audit_entry e join audit_seal s on s.entry = e.id where e.action = $1
     order by s.index desc limit $2`,
    [KEY_ROTATED, MAX_ROTATIONS],
  );
  return rows.reverse().flatMap(({ body }) => {
    const said = auditBodySchema.safeParse(jsonOf(body.toString('utf8'))).data;
    return said ? [{ details: said.details, at: said.occurredAt }] : [];
  });
}

const sizeRow = z.object({ size: z.coerce.number() });

/** Why the log cannot be the one that the checkpoint was published of; null while it can. */
async function contradictionTo(db: Queryable, before: Stored): Promise<string | null> {
  if (!(await isOfKeys(db, before.note)))
    return `the published checkpoint of ${before.size} entries is signed by no key of this log`;
  const row = await rowOf(db, sizeRow, 'select coalesce(max(index) + 1, 0) as size from audit_seal');
  const size = row?.size ?? 0;
  if (before.size > size) return `a checkpoint of ${before.size} entries was published, the log has ${size}`;
  return (await rootAt(db, before.size)).equals(before.root)
    ? null
    : `the published checkpoint of ${before.size} entries has another root than the log`;
}

async function isOfKeys(db: Queryable, note: string): Promise<boolean> {
  const keys = await rowsOf(db, z.object({ vkey: z.string() }), 'select vkey from audit_key');
  const checkpoint = parseCheckpoint(note);
  return keys.some(({ vkey }) => isSignedByText(checkpoint, vkey));
}

function isSignedByText(checkpoint: Checkpoint, vkey: string): boolean {
  try {
    return isSignedBy(checkpoint, parseVerifier(vkey));
  } catch (error) {
    if (error instanceof NoteError) return false;
    throw error;
  }
}
