import '../node/buffer.js';
import {
  isSignedBy,
  leafHash,
  parseCheckpoint,
  parseVerifier,
  verifyInclusion,
  type AuditEntryDetail,
  type AuditState,
} from '@scc/audit';
import { Buffer } from 'buffer';

export interface Checked {
  verdict: 'proved' | 'broken' | 'open';
  words: string;
}

const broken = (words: string): Checked => ({ verdict: 'broken', words });
const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/**
 * Checks in the browser that an entry is in the signed log: its bytes have the hash of its leaf, the leaf leads to the
 * root of the checkpoint, and a key signed the checkpoint.
 * @param keys of the log; a key that the user pinned comes first
 */
export function checkInclusion(
  entry: AuditEntryDetail,
  { origin, keys }: Pick<AuditState, 'origin' | 'keys'>,
): Checked {
  const leaf = leafHash(Buffer.from(entry.bytes, 'base64'));
  if (!sameBytes(leaf, bytesOf(entry.leafHash)))
    return broken('The bytes of the entry do not have the hash of its leaf.');
  const { inclusion } = entry;
  if (inclusion === null) return { verdict: 'open', words: 'The entry waits for its seal. Load it again in a second.' };
  if (inclusion.checkpoint === null)
    return { verdict: 'open', words: 'No checkpoint was signed at this size of the log. Load it again in a second.' };
  const checkpoint = parseCheckpoint(inclusion.checkpoint);
  if (checkpoint.origin !== origin || checkpoint.size !== inclusion.size)
    return broken('The checkpoint is about another log, or another size of it.');
  const { index, size, path } = inclusion;
  if (!verifyInclusion({ index, size, leaf, path: path.map(bytesOf), root: checkpoint.root }))
    return broken('The path does not lead from the entry to the root that the checkpoint states.');
  const signer = keys.find((key) => isSignedBy(checkpoint, parseVerifier(key)));
  if (signer === undefined) return broken('No key of the log signed the checkpoint.');
  return {
    verdict: 'proved',
    words: `Entry ${index} of ${size} leads to the signed root. The key is ${signer}; compare it with your own copy.`,
  };
}
