import { z } from 'zod';
import type { JsonValue } from './canonical.js';
import {
  isSignedBy,
  NoteError,
  type NoteSigner,
  type NoteVerifier,
  parseNote,
  parseVerifier,
  signNote,
} from './note.js';

/** The action of the entry that hands the log over to a new key. */
export const KEY_ROTATED = 'audit.key.rotated';

const rotationSchema = z.object({ from: z.string(), to: z.string(), note: z.string() });

const rotationText = (origin: string, from: string, to: string): string =>
  `scc audit key rotation\n${origin}\n${from}\n${to}\n`;

/** The details of a rotation entry: a statement signed by the old and the new key. */
export function rotationDetails(origin: string, from: NoteSigner, to: NoteSigner): JsonValue {
  return { from: from.vkey, to: to.vkey, note: signNote(rotationText(origin, from.vkey, to.vkey), [from, to]) };
}

/**
 * The key that a rotation entry hands the log over to.
 * @throws NoteError when the statement is not signed by both keys or does not begin at the current key.
 */
export function readRotation(details: unknown, origin: string, current: NoteVerifier): NoteVerifier {
  const parsed = rotationSchema.safeParse(details);
  if (!parsed.success) throw new NoteError('the rotation entry is malformed');
  const { from, to, note } = parsed.data;
  if (from !== current.vkey) throw new NoteError('the rotation does not begin at the key in use');
  const next = parseVerifier(to);
  const statement = parseNote(note);
  if (statement.text !== rotationText(origin, from, to)) throw new NoteError('the rotation states something else');
  if (!isSignedBy(statement, current)) throw new NoteError('the old key did not sign the rotation');
  if (!isSignedBy(statement, next)) throw new NoteError('the new key did not sign the rotation');
  return next;
}

/** Which key signs a checkpoint of which size: a rotation entry at index i binds every checkpoint larger than i. */
export class KeySchedule {
  private readonly spans: { above: number; key: NoteVerifier }[] = [];

  start(key: NoteVerifier): void {
    this.spans.push({ above: -1, key });
  }

  rotate(index: number, key: NoteVerifier): void {
    this.spans.push({ above: index, key });
  }

  current(): NoteVerifier | undefined {
    return this.spans.at(-1)?.key;
  }

  keyFor(size: number): NoteVerifier | undefined {
    return this.spans.findLast(({ above }) => size > above)?.key;
  }

  includes(vkey: string): boolean {
    return this.spans.some(({ key }) => key.vkey === vkey);
  }
}
