import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseCheckpoint, signCheckpoint } from './checkpoint.js';
import { canonicalBytes } from './canonical.js';
import { CompactRange, CompactRangeError, rootOf } from './compact-range.js';
import { leafHash } from './hashing.js';
import { KEY_ROTATED, readRotation, rotationDetails } from './keys.js';
import { isSignedBy, NoteError, parseNote, parseVerifier, signerFromPem, signNote } from './note.js';

const ORIGIN = 'scc.poc/test';
const pem = (type: 'ed25519' | 'x25519'): string => {
  const { privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
};
const signer = signerFromPem(ORIGIN, pem('ed25519'));
const other = signerFromPem(ORIGIN, pem('ed25519'));
const head = { origin: ORIGIN, size: 5, root: rootOf([1, 2, 3, 4, 5].map((leaf) => leafHash(Buffer.from([leaf])))) };

describe('notes', () => {
  it('carry a signature that only their key confirms', () => {
    const note = parseNote(signNote('text\n', [signer, other]));
    expect([signer, other].map((key) => isSignedBy(note, key))).toEqual([true, true]);
    expect(isSignedBy({ ...note, text: 'Text\n' }, signer)).toBe(false);
    expect(isSignedBy(parseNote(signNote('text\n', [other])), signer)).toBe(false);
  });

  it('read a key of the Go checksum database', () => {
    const key = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';
    expect(parseVerifier(key)).toMatchObject({ name: 'sum.golang.org', keyId: 0x033de0ae });
  });

  it.each([
    ['of another id', signer.vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    ['without a name', signer.vkey.replace(ORIGIN, '')],
    ['cut', signer.vkey.slice(0, -8)],
    ['that is none', 'nothing'],
  ])('refuse a key %s', (_what, key) => {
    expect(() => parseVerifier(key)).toThrow(NoteError);
  });

  it('refuse a key of another algorithm', () => {
    expect(() => signerFromPem(ORIGIN, pem('x25519'))).toThrow(/must be Ed25519/);
  });
});

describe('checkpoints', () => {
  it('name the one before them', () => {
    const note = signCheckpoint({ ...head, previous: 3 }, [signer]);
    expect(note).toContain('\nprevious 3\n\n');
    expect(parseCheckpoint(note)).toMatchObject({ ...head, previous: 3 });
    for (const other of ['previous 03', 'previous -3', 'previous', 'previous 3\nmore'])
      expect(() => parseCheckpoint(note.replace('previous 3', other))).toThrow(NoteError);
  });

  it('read back what was signed', () => {
    const checkpoint = parseCheckpoint(signCheckpoint(head, [signer]));
    expect(checkpoint).toMatchObject(head);
    expect(isSignedBy(checkpoint, signer)).toBe(true);
  });

  it.each<[string, (note: string) => string]>([
    ['another spelling of the size', (note) => note.replace('\n5\n', '\n05\n')],
    ['a negative size', (note) => note.replace('\n5\n', '\n-5\n')],
    ['a size that is no number', (note) => note.replace('\n5\n', '\n5e0\n')],
    ['a short root', (note) => note.replace(/\n5\n.*\n/, '\n5\nAAAA\n')],
    ['an extra line', (note) => note.replace('\n5\n', '\n5\nmore\n')],
    ['no signature', (note) => note.slice(0, note.indexOf('\n\n') + 1)],
    ['nothing', () => ''],
  ])('refuse %s', (_what, change) => {
    expect(() => parseCheckpoint(change(signCheckpoint(head, [signer])))).toThrow(NoteError);
  });

  it('survive any text without throwing anything else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseCheckpoint(text);
          return false;
        } catch (error) {
          return error instanceof NoteError;
        }
      }),
    );
  });
});

describe('a rotation', () => {
  it('hands over to the key that both signed', () => {
    expect(readRotation(rotationDetails(ORIGIN, signer, other), ORIGIN, signer).vkey).toBe(other.vkey);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['of another log', () => rotationDetails('elsewhere', signer, other), /states something else/],
    ['from another key', () => rotationDetails(ORIGIN, other, signer), /does not begin at the key in use/],
    [
      'that the old key did not sign',
      () =>
        ({
          ...Object(rotationDetails(ORIGIN, signer, other)),
          note: signNote(`scc audit key rotation\n${ORIGIN}\n${signer.vkey}\n${other.vkey}\n`, [other]),
        }) as unknown,
      /the old key did not sign/,
    ],
    ['without shape', () => ({ action: KEY_ROTATED }), /malformed/],
  ])('%s is refused', (_what, details, reason) => {
    expect(() => readRotation(details(), ORIGIN, signer)).toThrow(reason);
  });
});

describe('a compact range', () => {
  it('goes on from its bytes as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(100), (before, after) => {
        const leaves = Array.from({ length: before + after }, (_none, at) => leafHash(Buffer.from(String(at))));
        const range = CompactRange.empty();
        leaves.slice(0, before).forEach((leaf) => range.append(leaf));
        const decoded = CompactRange.decode(before, range.encode());
        leaves.slice(before).forEach((leaf) => decoded.append(leaf));
        expect(decoded.root()).toEqual(rootOf(leaves));
      }),
    );
  });

  it('refuses bytes that do not fit its size', () => {
    expect(() => CompactRange.decode(3, Buffer.alloc(32))).toThrow(CompactRangeError);
    expect(() => CompactRange.decode(-1, Buffer.alloc(32))).toThrow(CompactRangeError);
  });
});

describe('canonical bytes', () => {
  it('are the same for the same value, in RFC 8785 order', () => {
    const text = canonicalBytes({ b: [1e21, -0, 1.5], a: { '\u20ac': null, '\r': true }, c: undefined }).toString();
    expect(text).toBe('{"a":{"\\r":true,"\u20ac":null},"b":[1e+21,0,1.5]}');
  });

  it('read back as the value that a user typed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const bytes = canonicalBytes(JSON.parse(JSON.stringify(value)) as never);
        expect(canonicalBytes(JSON.parse(bytes.toString()) as never)).toEqual(bytes);
      }),
    );
    expect(canonicalBytes('\ud800').toString()).toBe('"\ufffd"');
  });
});
