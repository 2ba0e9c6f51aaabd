import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { AnswerSeals } from './answer-seals.js';
import { Refusal } from '../refusal/refusal.js';
import { rowOf } from './rows.js';

/** One write that its caller may send again: the same key with the same request has its effect once. */
export interface KeyedWrite {
  /** The sender; keys of different callers never meet. */
  principal: string;
  key: string;
  /** SHA-256 of everything that makes the request what it is. */
  requestHash: Buffer;
  /** Set once a transaction has taken the key. */
  taken: boolean;
  seals: AnswerSeals;
}

/** The request was answered before: carries that answer out of the transaction, which then changes nothing. */
export class AnsweredBefore extends Error {
  override readonly name = 'AnsweredBefore';
  constructor(readonly answer: unknown) {
    super('the request was answered before');
  }
}

/** The same key is being worked on by another request. */
export class InProgress extends Refusal {
  constructor() {
    super('conflict', 'a request with this Idempotency-Key is being worked on; try again');
  }
}

/** What is kept for the key is not what governance wrote, or cannot be told to be. */
export class AnswerUnproven extends Refusal {
  constructor() {
    super(
      'conflict',
      'the answer that is kept for this Idempotency-Key does not carry the seal of governance, so that it is not given again; look whether the write had its effect, and send it with another key',
    );
  }
}

/** The key was used for another request. */
export class KeyReused extends Refusal {
  constructor() {
    super('invalid', 'this Idempotency-Key was used for another request');
  }
}

const current = new AsyncLocalStorage<KeyedWrite>();

/** Runs the work of a request; the first transaction in it belongs to the key. */
export const withKey = <T>(write: KeyedWrite, work: () => T): T => current.run(write, work);

const storedRow = z.object({
  requestHash: z.instanceof(Buffer),
  answer: z.string().nullable(),
  seal: z.instanceof(Buffer).nullable(),
  isOfBefore: z.boolean(),
});

/** Since it ran, answers carry seals. */
const SEALED_SINCE = '102-sealed-answers.sql';

/**
 * `isOfBefore`: an answer without a seal of the release before, whose caller may ask again during the upgrade. A replica
 * of it may have written for an hour after the schema, and an answer is kept for a day. A new installation has none.
 */
const STORED = `
  select request_hash as "requestHash", answer::text as answer, seal, seal is null and coalesce((
    select k.created_at < s.applied_at + interval '1 hour' and now() < s.applied_at + interval '25 hours'
      and s.applied_at > (select min(applied_at) from schema_migration) + interval '1 minute'
    from schema_migration s where s.name = '${SEALED_SINCE}'), false) as "isOfBefore"
  from idempotency_key k where principal = $1 and key = $2`;

/** What a request comes to whose key has an answer. */
function asAnswered({ principal, key, requestHash, seals }: KeyedWrite, stored: z.infer<typeof storedRow>): Error {
  if (!stored.isOfBefore && !seals.isOwn({ principal, key, ...stored })) return new AnswerUnproven();
  if (!stored.requestHash.equals(requestHash)) return new KeyReused();
  return new AnsweredBefore(stored.answer === null ? undefined : (JSON.parse(stored.answer) ?? undefined));
}

/**
 * Does the work at most once for the key of the current request, and stores its answer in the same transaction: either
 * both are there or neither. Without a key it only does the work.
 * @throws AnsweredBefore, InProgress, KeyReused, AnswerUnproven
 */
export async function oncePerKey<T>(tx: EntityManager, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  const write = current.getStore();
  if (!write || write.taken) return work(tx);
  write.taken = true;
  const { principal, key, requestHash, seals } = write;
  const lock = await rowOf(
    tx,
    z.object({ taken: z.boolean() }),
    'select pg_try_advisory_xact_lock(hashtextextended($1, 46)) as taken',
    [`${principal} ${key}`],
  );
  if (!lock?.taken) throw new InProgress();
  // A statement of its own: it sees what was committed before the lock was free.
  const stored = await rowOf(tx, storedRow, STORED, [principal, key]);
  if (stored) throw asAnswered(write, stored);
  const answer = await work(tx);
  const said = answer === undefined ? null : JSON.stringify(answer);
  await tx.query(
    'insert into idempotency_key (principal, key, request_hash, answer, seal) values ($1, $2, $3, $4, $5)',
    [principal, key, requestHash, said, seals.of({ principal, key, requestHash, answer: said })],
  );
  return answer;
}

/** How long an answer can be asked for again. */
const KEEP_HOURS = 24;

/** Forgets keys whose time is over. */
export async function forgetKeys(tx: EntityManager): Promise<void> {
  await tx.query(
    `delete from idempotency_key where (principal, key) in (
       select principal, key from idempotency_key where created_at < now() - make_interval(hours => $1) limit 1000)`,
    [KEEP_HOURS],
  );
}
