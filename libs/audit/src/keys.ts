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

/** The key that a rotation names, whoever has signed it; null for anything else. */
export const rotatedTo = (details: unknown): string | null => rotationSchema.safeParse(details).data?.to ?? null;

/** A rotation entry as it is published beside the key in use: its details, and when it was written, in RFC 3339. */
const publishedRotationSchema = z.object({ details: z.unknown(), at: z.iso.datetime({ offset: true }) });
export type PublishedRotation = z.infer<typeof publishedRotationSchema>;
export const publishedRotationsSchema = z.array(publishedRotationSchema);

/** A key that signed before the one in use, and the end of its time. */
export interface FormerKey {
  key: NoteVerifier;
  until: Date;
}

/**
 * The keys from which the log was handed over, step by step, to the key in use. A rotation that not both of its keys
 * signed ends the chain: what is before it is not known.
 */
export function formerKeys(current: NoteVerifier, rotations: readonly PublishedRotation[]): FormerKey[] {
  const found: FormerKey[] = [];
  const left = [...rotations];
  for (let next = current; ;) {
    const at = left.findLastIndex(({ details }) => rotationSchema.safeParse(details).data?.to === next.vkey);
    const [rotation] = at < 0 ? [] : left.splice(at, 1);
    const key = rotation && handedOver(rotation.details, next);
    if (!key) return found;
    found.push({ key, until: new Date(rotation.at) });
    next = key;
  }
}

/** The key that handed the log over to another one; undefined when the statement is not valid. */
function handedOver(details: unknown, to: NoteVerifier): NoteVerifier | undefined {
  try {
    const from = parseVerifier(rotationSchema.parse(details).from);
    return readRotation(details, to.name, from).vkey === to.vkey ? from : undefined;
  } catch (error) {
    if (error instanceof NoteError) return undefined;
    throw error;
  }
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
