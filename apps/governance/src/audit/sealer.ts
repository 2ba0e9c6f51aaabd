import { pause } from '@scc/runtime';
import { KEY_ROTATED, type NoteSigner, readRotation, rotationDetails, signCheckpoint, type Tile } from '@scc/audit';
import type { Logger } from '@scc/runtime';
import type { DataSource, QueryRunner } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from './append.js';
import { loadLogState, type LogState } from './log-state.js';
import { type Unsealed, UnsealedEntries } from './unsealed.js';

export interface SealerOptions {
  origin: string;
  signer: NoteSigner;
  /** The key before `signer`, while the log still has to be handed over. */
  previousSigner: NoteSigner | null;
  /** Written into the epoch, so that operators see who sealed. */
  holder: string;
  logger: Logger;
  /** Told of every checkpoint that was committed, and of the one that a new leadership begins with. */
  onCheckpoint: (checkpoint: { size: number; note: string }) => void;
  /** How long to wait after a look that found nothing. */
  everyMs?: number;
  batchSize?: number;
  /** How long to wait before asking for the lock again. */
  standbyMs?: number;
}

const LOCK = `hashtext('audit_sealer ' || current_schema())`;
const rotationBodySchema = z.object({ details: z.unknown() });

/**
 * Puts entries in order and signs what results. Any number may run; the one that holds the session lock seals, and takes
 * a new epoch first, which fences every other one in the database: a sealer that lost its lock without noticing is
 * refused there.
 */
export class Sealer {
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(
    private readonly dataSource: DataSource,
    private readonly options: SealerOptions,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Ends after the batch at hand and lets go of the lock. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private async pause(ms: number): Promise<void> {
    await pause(ms, this.stopping.signal);
  }

  private async run(): Promise<void> {
    const { logger, standbyMs = 1_000 } = this.options;
    while (!this.isStopping) {
      try {
        await this.leadIfFree();
      } catch (error) {
        logger.error({ err: error }, 'sealing the audit log stopped');
      }
      await this.pause(standbyMs);
    }
  }

  private async leadIfFree(): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const [lock] = await runner.manager.query<{ held: boolean }[]>(`select pg_try_advisory_lock(${LOCK}) as held`);
      if (!lock?.held) return;
      try {
        await this.lead(runner);
      } finally {
        // The connection goes back to the pool: it must not keep the lock. When it broke, the lock is gone anyway.
        await runner.manager.query(`select pg_advisory_unlock(${LOCK})`).catch(() => undefined);
      }
    } finally {
      await runner.release();
    }
  }

  private async lead(runner: QueryRunner): Promise<void> {
    const { origin, signer, previousSigner, holder, logger, everyMs = 100 } = this.options;
    const [taken] = await runner.manager.query<{ epoch: string }[]>(
      'insert into audit_epoch (holder) values ($1) returning epoch',
      [holder],
    );
    const keys = previousSigner ? [signer, previousSigner] : [signer];
    const state = await loadLogState(runner.manager, origin, keys);
    const unsealed = await UnsealedEntries.after(runner.manager);
    const term = new Term(runner, this.options, Number(taken?.epoch), { state, unsealed });
    await term.prepareKey();
    logger.info({ epoch: taken?.epoch, size: state.range.size }, 'sealing the audit log');
    // The sealer before may have ended between sealing and publishing.
    if (state.newest) this.options.onCheckpoint(state.newest);
    while (!this.isStopping) {
      const { sealed, isMore } = await term.sealBatch();
      // Where entries come all the time, their lag is this pause: twice the checkpoints for half of it.
      if (!isMore) await this.pause(sealed > 0 ? everyMs / 2 : everyMs);
    }
  }
}

/** One leadership: what is in memory is valid while this epoch is the newest, and is loaded again after any failure. */
class Term {
  private readonly state: LogState;
  private readonly unsealed: UnsealedEntries;
  private active: NoteSigner;

  constructor(
    private readonly runner: QueryRunner,
    private readonly options: SealerOptions,
    private readonly epoch: number,
    { state, unsealed }: { state: LogState; unsealed: UnsealedEntries },
  ) {
    this.state = state;
    this.unsealed = unsealed;
    const { signer, previousSigner } = options;
    const isHandedOver = !state.newest || state.newest.signatures.some(({ keyId }) => keyId === signer.keyId);
    this.active = isHandedOver || !previousSigner ? signer : previousSigner;
  }

  /**
   * Publishes the key; hands the log over when the newest checkpoint is still of the key before it. At once: a key that
   * no rotation introduced is named.
   */
  async prepareKey(): Promise<void> {
    await this.inTransaction(() => this.writeKey());
  }

  private async writeKey(): Promise<void> {
    const { signer, origin, holder } = this.options;
    await this.runner.manager.query('insert into audit_key (vkey) values ($1) on conflict do nothing', [signer.vkey]);
    if (this.active === signer) return;
    const [pending] = await this.runner.manager.query<{ id: string }[]>(
      `select id from audit_entry e where action = $1 and not exists (select from audit_seal s where s.entry = e.id)`,
      [KEY_ROTATED],
    );
    if (pending) return;
    await appendAudit(this.runner.manager, {
      actor: { name: holder },
      action: KEY_ROTATED,
      object: { kind: 'AuditLog', name: origin },
      requestId: null,
      details: rotationDetails(origin, this.active, signer),
    });
  }

  /**
   * Seals up to one batch, and when there are no more, what a sealer before left behind.
   * @returns how many, and whether there may be more
   */
  async sealBatch(): Promise<{ sealed: number; isMore: boolean }> {
    const { batchSize = 500 } = this.options;
    const found = await this.unsealed.next(batchSize);
    await this.seal(found);
    if (found.length === batchSize) return { sealed: found.length, isMore: true };
    const missed = await this.unsealed.missed();
    await this.seal(missed);
    return { sealed: found.length + missed.length, isMore: false };
  }

  /** In one transaction. */
  private async seal(entries: readonly Unsealed[]): Promise<void> {
    if (entries.length === 0) return;
    this.options.onCheckpoint(await this.inTransaction(() => this.write(entries)));
  }

  private async inTransaction<T>(work: () => Promise<T>): Promise<T> {
    await this.runner.startTransaction();
    try {
      const done = await work();
      await this.runner.commitTransaction();
      return done;
    } catch (error) {
      await this.runner.rollbackTransaction().catch(() => undefined);
      throw error;
    }
  }

  private async write(unsealed: readonly Unsealed[]): Promise<{ size: number; note: string }> {
    const { range, tiles } = this.state;
    const first = range.size;
    const full: Tile[] = [];
    for (const { leaf_hash, rotation } of unsealed) {
      range.append(leaf_hash);
      full.push(...tiles.append(leaf_hash));
      if (rotation) this.handOver(rotation);
    }
    const { origin } = this.options;
    const note = signCheckpoint({ origin, size: range.size, root: range.root(), previous: first }, [this.active]);
    await this.runner.manager.query(
      `insert into audit_seal (index, entry, leaf_hash, epoch)
       select $1::bigint + place - 1, entry, leaf, $4 from unnest($2::bigint[], $3::bytea[]) with ordinality as batch (entry, leaf, place)`,
      [first, unsealed.map(({ id }) => id), unsealed.map(({ leaf_hash }) => leaf_hash), this.epoch],
    );
    for (const { level, index, hashes, root } of full)
      await this.runner.manager.query(
        'insert into audit_tile (level, index, hashes, root, epoch) values ($1, $2, $3, $4, $5)',
        [level, index, Buffer.concat(hashes), root, this.epoch],
      );
    await this.runner.manager.query(
      'insert into audit_checkpoint (size, note, compact_range, epoch) values ($1, $2, $3, $4)',
      [range.size, note, range.encode(), this.epoch],
    );
    return { size: range.size, note };
  }

  /** From the rotation entry on, checkpoints are signed by the new key. */
  private handOver(body: Buffer): void {
    const { origin, signer, logger } = this.options;
    if (this.active === signer) return;
    const { details } = rotationBodySchema.parse(JSON.parse(body.toString('utf8')));
    if (readRotation(details, origin, this.active).vkey !== signer.vkey) return;
    this.active = signer;
    logger.info({ key: signer.vkey }, 'the audit log is signed by a new key');
  }
}
