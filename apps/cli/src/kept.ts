import { appendFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type Checkpoint,
  type HeldReceipt,
  isSignedBy,
  NoteError,
  type NoteVerifier,
  parseCheckpoint,
  parseVerifier,
} from '@scc/audit';
import { decodeReceipts, type Receipt, receiptSchema } from '@scc/governance-api';
import { codeOf, messageOf } from '@scc/runtime';
import { z } from 'zod';
import { unlessMalformed } from './proof-check.js';

/**
 * The receipts of what this person did with sccctl, in a file of their own: neither governance nor its database can change
 * it. Only `audit verify` reads it.
 */
export class KeptReceipts {
  private readonly file: string;
  private pending: Promise<void> = Promise.resolve();

  /** @param remark told once when they cannot be kept: the command itself has done its work. */
  constructor(
    stateHome: string,
    private readonly remark: (text: string) => void,
  ) {
    this.file = path.join(stateHome, 'sccctl', 'receipts.jsonl');
  }

  /** Takes the header of an answer. */
  keep(header: string | readonly string[] | undefined): void {
    const receipts = decodeReceipts(header);
    // Without a checkpoint nobody could tell later which log they are of.
    const checkpoint = receipts.at(-1)?.checkpoint ?? null;
    if (checkpoint === null) return;
    this.pending = this.pending.then(() => this.append(receipts.map((receipt) => ({ ...receipt, checkpoint }))));
  }

  /** Ends when all is written. */
  async close(): Promise<void> {
    await this.pending;
  }

  private async append(receipts: readonly Receipt[]): Promise<void> {
    try {
      await mkdir(path.dirname(this.file), { recursive: true, mode: 0o700 });
      await appendFile(this.file, receipts.map((receipt) => `${JSON.stringify(receipt)}\n`).join(''), { mode: 0o600 });
    } catch (error) {
      this.remark(`the receipts of this change were not kept: ${messageOf(error)}`);
    }
  }

  /** Those of the log with this origin that one of these keys signed: other logs have other keys, whatever their name. */
  async of(origin: string, keys: readonly string[]): Promise<HeldReceipt[]> {
    const text = await readFile(this.file, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return '';
      throw error;
    });
    const verifiers = keys.flatMap(readKey);
    return text
      .split('\n')
      .flatMap((line) => keptSchema.safeParse(line).data ?? [])
      .filter(({ checkpoint }) => {
        const head = readHead(checkpoint);
        return head?.origin === origin && verifiers.some((key) => isSignedBy(head, key));
      });
  }
}

/** A line that was cut while it was written is passed over. */
const keptSchema = z
  .string()
  .transform((line): unknown => {
    try {
      return JSON.parse(line);
    } catch {
      return null;
    }
  })
  .pipe(receiptSchema);

/** Keys that the log names may be anything. */
function readKey(key: string): NoteVerifier[] {
  try {
    return [parseVerifier(key)];
  } catch (error) {
    if (error instanceof NoteError) return [];
    throw error;
  }
}

const readHead = (note: string | null): Checkpoint | null =>
  note === null ? null : unlessMalformed(() => parseCheckpoint(note));
