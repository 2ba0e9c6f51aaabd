import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { rowOf } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { idHashOf, newSessionSecret, openToken, sealToken } from './secret.js';

const HOUR_MS = 60 * 60 * 1000;
/** A session ends this long after it began, and sooner when it is not used. */
const LIFE_MS = 12 * HOUR_MS;
const IDLE_MS = 2 * HOUR_MS;
/** How exact the time of the last use is: not every request writes. */
const USE_MS = 60_000;
/** Of one user, the oldest ends where another begins; of all users likewise. */
const MAX_OF_USER = 20;
const MAX_OF_ALL = 10_000;
const LOCK = 90;

export interface ConsoleSession {
  token: string;
  expiresAt: Date;
}

const sessionRow = z.object({ sealed_token: z.instanceof(Buffer), expires_at: z.date(), used_at: z.date() });

/** Sessions of the web console: each carries the token that its user signed in with. A class, for Nest's injection. */
@Injectable()
export class Sessions {
  constructor(private readonly source: DataSource) {}

  /** Begins a session of a user who is known. @returns its secret, for the cookie */
  async begin(
    { name, token }: { name: string; token: string },
    now: Date,
  ): Promise<{ secret: string; expiresAt: Date }> {
    const secret = newSessionSecret();
    const expiresAt = new Date(now.getTime() + LIFE_MS);
    await inTransaction(this.source, async (tx) => {
      // One at a time, so that the number of them holds.
      await tx.query('select pg_advisory_xact_lock($1, 0)', [LOCK]);
      await tx.query(
        `insert into console_session (id_hash, subject, sealed_token, created_at, used_at, expires_at)
         values ($1, $2, $3, $4, $4, $5)`,
        [idHashOf(secret), name, sealToken(secret, token), now, expiresAt],
      );
      await endBeyond(tx, name, now);
    });
    return { secret, expiresAt };
  }

  /** The session of a secret; null when there is none, or it is over. */
  async find(secret: string, now: Date): Promise<ConsoleSession | null> {
    const idHash = idHashOf(secret);
    const row = await rowOf(
      this.source,
      sessionRow,
      'select sealed_token, expires_at, used_at from console_session where id_hash = $1 and expires_at > $2 and used_at > $3',
      [idHash, now, new Date(now.getTime() - IDLE_MS)],
    );
    if (!row) return null;
    if (now.getTime() - row.used_at.getTime() > USE_MS)
      await this.source.query('update console_session set used_at = $2 where id_hash = $1', [idHash, now]);
    return { token: openToken(secret, row.sealed_token), expiresAt: row.expires_at };
  }

  async end(secret: string): Promise<void> {
    await this.source.query('delete from console_session where id_hash = $1', [idHashOf(secret)]);
  }
}

/** Ends what is over, and the oldest sessions that are too many. */
async function endBeyond(tx: EntityManager, subject: string, now: Date): Promise<void> {
  await tx.query('delete from console_session where expires_at <= $1 or used_at <= $2', [
    now,
    new Date(now.getTime() - IDLE_MS),
  ]);
  await tx.query(
    `delete from console_session where id_hash in (
       select id_hash from console_session where subject = $1 order by created_at desc, id_hash offset $2)`,
    [subject, MAX_OF_USER],
  );
  await tx.query(
    'delete from console_session where id_hash in (select id_hash from console_session order by used_at desc, id_hash offset $1)',
    [MAX_OF_ALL],
  );
}
