import { HASH_BYTES } from './hashing.js';
import { NoteError, type NoteSignature, type NoteSigner, parseNote, signNote } from './note.js';

/** What a checkpoint states: this log had these leaves, and their Merkle root was this (C2SP tlog-checkpoint). */
export interface TreeHead {
  origin: string;
  size: number;
  root: Buffer;
}

export interface Checkpoint extends TreeHead {
  text: string;
  signatures: NoteSignature[];
  note: string;
}

const treeHeadText = ({ origin, size, root }: TreeHead): string => `${origin}\n${size}\n${root.toString('base64')}\n`;

export function signCheckpoint(head: TreeHead, signers: readonly NoteSigner[]): string {
  return signNote(treeHeadText(head), signers);
}

/**
 * Reads a checkpoint; whether its signatures are valid is for the caller to ask.
 * @throws NoteError when the text is not one, or is not in its only canonical spelling.
 */
export function parseCheckpoint(note: string): Checkpoint {
  const { text, signatures } = parseNote(note);
  const [origin = '', size = '', root = ''] = text.split('\n');
  const head = { origin, size: Number(size), root: Buffer.from(root, 'base64') };
  const isCanonical = origin !== '' && Number.isSafeInteger(head.size) && head.size >= 0;
  if (!isCanonical || head.root.length !== HASH_BYTES || treeHeadText(head) !== text)
    throw new NoteError('not a checkpoint: origin, size and root, one per line');
  return { ...head, text, signatures, note };
}
