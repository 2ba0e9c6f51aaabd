import { createHmac, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';

/** An answer as it is kept for a key of its caller. */
export interface KeptAnswer {
  principal: string;
  key: string;
  requestHash: Buffer;
  /** Its JSON as it was written; null where it has no body. */
  answer: string | null;
}

/** An answer that somebody else than governance has written. */
export interface ForgedAnswer {
  principal: string;
  key: string;
  /** What it carries in place of the seal that governance would have made. */
  seal: string;
}

const PURPOSE = 'scc.poc answers of governance, v1';
const ID_BYTES = 4;
/** Of the last ones found, so many are held. */
const MAX_FORGED = 1000;

/**
 * Seals what is kept to be answered again: it is given as a fact, to the engine too, and a row that is written into the
 * database must not become one. The secret is made of the audit key, so that all replicas have the same and the database
 * has none.
 */
export class AnswerSeals {
  private readonly secret: Buffer;
  private readonly id: Buffer;
  private readonly forged = new Map<string, ForgedAnswer>();

  constructor({ privateKey, keyId }: { privateKey: KeyObject; keyId: number }) {
    const material = privateKey.export({ format: 'der', type: 'pkcs8' });
    this.secret = Buffer.from(hkdfSync('sha256', material, '', PURPOSE, 32));
    this.id = Buffer.alloc(ID_BYTES);
    this.id.writeUInt32BE(keyId);
  }

  of({ principal, key, requestHash, answer }: KeptAnswer): Buffer {
    const said = JSON.stringify([principal, key, requestHash.toString('base64'), answer]);
    return Buffer.concat([this.id, createHmac('sha256', this.secret).update(said).digest()]);
  }

  /** Whether a kept answer is as governance wrote it; one under its key that is not is held against the database. */
  isOwn(kept: KeptAnswer & { seal: Buffer | null }): boolean {
    const { principal, key, seal } = kept;
    const own = this.of(kept);
    if (seal?.length === own.length && timingSafeEqual(seal, own)) return true;
    // One without a seal, or with that of another audit key, may be of another release or from before a rotation.
    if (seal?.subarray(0, ID_BYTES).equals(this.id) && this.forged.size < MAX_FORGED)
      this.forged.set(JSON.stringify([principal, key]), { principal, key, seal: seal.toString('hex') });
    return false;
  }

  /** The forged answers that were found since this process began. */
  get found(): ForgedAnswer[] {
    return [...this.forged.values()];
  }
}
