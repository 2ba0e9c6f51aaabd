import { HASH_BYTES } from './hashing.js';
import { NoteError, type NoteSignature, type NoteSigner, parseNote, signNote } from './note.js';

/** The statement of a checkpoint: this log had these leaves, and their Merkle root was this (C2SP tlog-checkpoint). */
export interface TreeHead {
  origin: string;
  size: number;
  root: Buffer;
  /**
   * The size of the checkpoint that was signed before it, 0 for the first one: a deleted checkpoint leaves a gap that
   * the next one names. Null in checkpoints from before this was stated.
   */
  previous?: number | null;
}

export interface Checkpoint extends TreeHead {
  previous: number | null;
  text: string;
  signatures: NoteSignature[];
  note: string;
}

const PREVIOUS = 'previous ';
/** The last line is an extension of the format, which others pass over. */
const treeHeadText = ({ origin, size, root, previous = null }: TreeHead): string =>
  `${origin}\n${size}\n${root.toString('base64')}\n${previous === null ? '' : `${PREVIOUS}${previous}\n`}`;

export function signCheckpoint(head: TreeHead, signers: readonly NoteSigner[]): string {
  return signNote(treeHeadText(head), signers);
}

/**
 * Reads a checkpoint; whether its signatures are valid is for the caller to ask.
 * @throws NoteError when the text is not one, or is not in its only canonical spelling.
 */
export function parseCheckpoint(note: string): Checkpoint {
  const { text, signatures } = parseNote(note);
  const [origin = '', size = '', root = '', more = ''] = text.split('\n');
  const previous = more.startsWith(PREVIOUS) ? Number(more.slice(PREVIOUS.length)) : null;
  const head = { origin, size: Number(size), root: Buffer.from(root, 'base64'), previous };
  const isCanonical = origin !== '' && isCount(head.size) && (previous === null || isCount(previous));
  if (!isCanonical || head.root.length !== HASH_BYTES || treeHeadText(head) !== text)
    throw new NoteError('not a checkpoint: origin, size and root, one per line');
  return { ...head, text, signatures, note };
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
