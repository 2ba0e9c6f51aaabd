import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '@scc/runtime';
import {
  bodyOf,
  canonicalBytes,
  type Checkpoint,
  isSignedBy,
  leafHash,
  NoteError,
  type NoticedLate,
  noticedLate,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  parseVerifier,
  type ProvedEntry,
  provedEntrySchema,
  unsaidClaims,
  verifyInclusion,
} from '@scc/audit';
import { z } from 'zod';
import { CliError } from './exit.js';
import { claimsSchema, unprovedClaims } from './proof-claims.js';

const proofSchema = z.object({
  document: z.looseObject({
    plan: z.looseObject({ uid: z.string(), namespace: z.string(), name: z.string() }),
    outcome: z.looseObject({ phase: z.string(), stableSide: z.looseObject({ message: z.string() }).optional() }),
    pods: z.array(z.looseObject({ name: z.string(), scc: z.string().nullable() })),
    audit: z.object({ checkpoint: z.string().nullable(), entries: z.array(provedEntrySchema) }),
  }),
  signature: z.string(),
});

export interface ProofVerdict {
  plan: string;
  outcome: string;
  /** The pinned key when it signed; null without one. */
  signedBy: string | null;
  entries: { proved: number; unsealed: number };
  /** What reached the workload's own pods before they were rolled; null where nobody looked. */
  stableSide: string | null;
  pods: string;
  /** What is dated only within bounds, by the entries. */
  late: NoticedLate[];
  /** Empty when the document is what governance signed and the log holds every entry of it. */
  problems: string[];
}

export async function readProof(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new CliError(`--file: ${messageOf(error)}`);
  }
}

/**
 * Checks a proof document alone: that its signature is about it, and that each audit entry is in the signed log.
 * @param vkey the key that must have signed; null checks everything but that.
 * @throws CliError when it is no proof document, or the key is malformed.
 */
export function checkProof(value: unknown, vkey: string | null): ProofVerdict {
  const parsed = proofSchema.safeParse(value);
  if (!parsed.success) throw new CliError(`this is not a migration proof: ${z.prettifyError(parsed.error)}`);
  const { document, signature } = parsed.data;
  const key = vkey === null ? null : readKey(vkey);
  const { head, problems: malformed } = headIn(document.audit.checkpoint);
  const problems = [
    ...malformed,
    ...signatureProblems(value, { uid: document.plan.uid, signature, key }),
    ...(head && key && !isSignedBy(head, key) ? ['the checkpoint is not signed by the given key'] : []),
    ...document.audit.entries.flatMap((entry) => entryProblems(entry, head)),
    ...claimProblems(value),
  ];
  const sealed = document.audit.entries.filter(({ index }) => index !== null).length;
  return {
    plan: `${document.plan.namespace}/${document.plan.name} (${document.plan.uid})`,
    outcome: document.outcome.phase,
    stableSide: document.outcome.stableSide?.message ?? null,
    signedBy: key && problems.length === 0 ? key.vkey : null,
    entries: { proved: sealed, unsealed: document.audit.entries.length - sealed },
    pods: document.pods.map(({ name, scc }) => `${name}: ${scc ?? 'none'}`).join(', '),
    late: noticedLate(document.audit.entries.flatMap(({ body }) => bodyOf(body) ?? [])),
    problems,
  };
}

/** The tree head that a document carries, or what is wrong with how it is written. */
export function headIn(checkpoint: string | null): { head: Checkpoint | null; problems: string[] } {
  const head = checkpoint === null ? null : unlessMalformed(() => parseCheckpoint(checkpoint));
  return checkpoint !== null && head === null
    ? { head: null, problems: ['the checkpoint is malformed'] }
    : { head, problems: [] };
}

/** Null for a note that is not spelled as it must be. */
export function unlessMalformed<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof NoteError) return null;
    throw error;
  }
}

function claimProblems(value: unknown): string[] {
  const { document } = z.object({ document: z.unknown() }).parse(value);
  const claims = claimsSchema.safeParse(document);
  if (!claims.success) return ['the document makes claims that cannot be read'];
  return [...unprovedClaims(claims.data), ...unsaidClaims(document)].map((claim) => `not proved by an entry: ${claim}`);
}

/** @throws CliError for text that is no key. */
export function readKey(vkey: string): NoteVerifier {
  try {
    return parseVerifier(vkey);
  } catch (error) {
    if (error instanceof NoteError) throw new CliError(`--key: ${error.message}`);
    throw error;
  }
}

function signatureProblems(
  value: unknown,
  { uid, signature, key }: { uid: string; signature: string; key: NoteVerifier | null },
): string[] {
  const document = z.object({ document: z.json() }).parse(value).document;
  const digest = createHash('sha256').update(canonicalBytes(document)).digest('hex');
  const note = unlessMalformed(() => parseNote(signature));
  if (!note) return ['the signature is malformed'];
  const [, what, signedDigest] = note.text.split('\n');
  return [
    ...(what === `migration proof ${uid}` ? [] : ['the signature is about another migration']),
    ...(signedDigest === digest ? [] : ['the document was changed after it was signed']),
    ...(key && !isSignedBy(note, key) ? ['the document is not signed by the given key'] : []),
  ];
}

/** Whether the bytes of an entry are those that the log of a checkpoint holds. */
export function entryProblems(
  { entryId, body, leafHash: stated, index, path }: ProvedEntry,
  head: Checkpoint | null,
): string[] {
  const leaf = leafHash(Buffer.from(body, 'base64'));
  if (leaf.toString('hex') !== stated) return [`audit entry ${entryId}: the hash is not that of its bytes`];
  if (index === null) return [];
  const hashes = path?.map((hash) => Buffer.from(hash, 'hex')) ?? [];
  const isIncluded = head && verifyInclusion({ index, size: head.size, leaf, path: hashes, root: head.root });
  return isIncluded ? [] : [`audit entry ${entryId}: its proof does not lead to the signed root`];
}
