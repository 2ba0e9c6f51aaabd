/**
 * The part of `node:crypto` by which libs/audit checks hashes and signatures, for the browser. Nothing here signs.
 * SHA-256 and Ed25519 are those of @noble, since WebCrypto answers only asynchronously.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { Buffer } from 'buffer';

export interface KeyObject {
  raw: Uint8Array;
}

const SPKI_PREFIX_BYTES = 12;

const bytesOf = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? Buffer.from(data, 'utf8') : data;

export const hash = (_algorithm: 'sha256', data: string | Uint8Array, _as: 'buffer'): Buffer =>
  Buffer.from(sha256(bytesOf(data)));

export function createHash(_algorithm: 'sha256') {
  const running = sha256.create();
  const self = {
    update: (data: string | Uint8Array) => {
      running.update(bytesOf(data));
      return self;
    },
    digest: (as?: 'hex'): Buffer | string => {
      const digest = Buffer.from(running.digest());
      return as === 'hex' ? digest.toString('hex') : digest;
    },
  };
  return self;
}

export const createPublicKey = ({ key }: { key: Uint8Array }): KeyObject => ({ raw: key.subarray(SPKI_PREFIX_BYTES) });

export const verify = (_algorithm: null, data: Uint8Array, { raw }: KeyObject, signature: Uint8Array): boolean =>
  ed25519.verify(signature, data, raw);

const unsupported = (): never => {
  throw new Error('keys are made and used for signing by governance, not in a browser');
};
export const createPrivateKey = unsupported;
export const sign = unsupported;
