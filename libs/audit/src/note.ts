import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';

/** Text that claims to be a note, a key or a checkpoint and is not. */
export class NoteError extends Error {
  override readonly name = 'NoteError';
}

/** A public Ed25519 key with the name it signs under, as C2SP signed-note defines them. */
export interface NoteVerifier {
  name: string;
  /** The first four bytes of SHA-256(name, newline, 0x01, public key): tells keys of one name apart. */
  keyId: number;
  /** `NAME+KEYID+BASE64`, the text form that people pin. */
  vkey: string;
  publicKey: KeyObject;
}

export interface NoteSigner extends NoteVerifier {
  privateKey: KeyObject;
}

export interface NoteSignature {
  name: string;
  keyId: number;
  signature: Buffer;
}

const ED25519 = 0x01;
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const KEY_ID_BYTES = 4;
const namePattern = /^[^\s+\p{Cc}]+$/u;

/**
 * The verifier of a raw 32-byte Ed25519 key.
 * @throws NoteError when the name is empty or holds white space or `+`.
 */
function verifierOf(name: string, rawKey: Buffer): NoteVerifier {
  if (!namePattern.test(name)) throw new NoteError(`"${name}" cannot name a key: no spaces, no plus sign`);
  const typed = Buffer.concat([Buffer.from([ED25519]), rawKey]);
  const keyId = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').readUInt32BE(0);
  return {
    name,
    keyId,
    vkey: `${name}+${keyId.toString(16).padStart(8, '0')}+${typed.toString('base64')}`,
    publicKey: createPublicKey({ key: Buffer.concat([SPKI_PREFIX, rawKey]), format: 'der', type: 'spki' }),
  };
}

/**
 * Reads a key in its text form.
 * @throws NoteError when it is malformed, of another algorithm, or its id does not belong to it.
 */
export function parseVerifier(vkey: string): NoteVerifier {
  const [name, keyId, encoded, ...rest] = splitKey(vkey.trim());
  const typed = Buffer.from(encoded ?? '', 'base64');
  if (!name || !keyId || rest.length > 0 || typed.length !== 1 + KEY_BYTES || typed[0] !== ED25519)
    throw new NoteError('not an Ed25519 verifier key (NAME+KEYID+BASE64)');
  const verifier = verifierOf(name, typed.subarray(1));
  if (verifier.vkey !== vkey.trim()) throw new NoteError(`key id ${keyId} does not belong to this key`);
  return verifier;
}

/** Base64 may hold plus signs, the name and the id may not: split at the first two. */
function splitKey(vkey: string): (string | undefined)[] {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey);
  return match ? match.slice(1) : [];
}

/**
 * A signer from a PKCS#8 PEM.
 * @throws NoteError when the key is not Ed25519.
 */
export function signerFromPem(name: string, pem: string): NoteSigner {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ed25519')
    throw new NoteError(`the audit key is ${String(privateKey.asymmetricKeyType)}, it must be Ed25519`);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { ...verifierOf(name, spki.subarray(SPKI_PREFIX.length)), privateKey };
}

/**
 * Text and one signature line per signer (C2SP signed-note).
 * @throws NoteError when the text does not end in a newline.
 */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (!text.endsWith('\n')) throw new NoteError('the text of a note ends in a newline');
  const lines = signers.map(({ name, keyId, privateKey }) => {
    const id = Buffer.alloc(KEY_ID_BYTES);
    id.writeUInt32BE(keyId);
    const signature = sign(null, Buffer.from(text, 'utf8'), privateKey);
    return `\u2014 ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/**
 * Splits a note into the signed text and its signatures, without judging them.
 * @throws NoteError when it is not a note.
 */
export function parseNote(note: string): { text: string; signatures: NoteSignature[] } {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new NoteError('a note is text, an empty line and signature lines');
  const lines = note.slice(split + 2, -1).split('\n');
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)$/.exec(line);
  const bytes = Buffer.from(match?.[2] ?? '', 'base64');
  if (!match?.[1] || bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== match[2])
    throw new NoteError('a signature line is malformed');
  return { name: match[1], keyId: bytes.readUInt32BE(0), signature: bytes.subarray(KEY_ID_BYTES) };
}

/** Whether the note carries a valid signature of this key. Signatures of other keys say nothing and are skipped. */
export function isSignedBy(note: { text: string; signatures: NoteSignature[] }, key: NoteVerifier): boolean {
  return note.signatures.some(
    ({ name, keyId, signature }) =>
      name === key.name &&
      keyId === key.keyId &&
      signature.length === SIGNATURE_BYTES &&
      verify(null, Buffer.from(note.text, 'utf8'), key.publicKey, signature),
  );
}
