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
/** Of those found, so many are held. */
const MAX_FORGED = 1000;

interface Signer {
  privateKey: KeyObject;
  keyId: number;
}

/** The seal of one audit key. */
class Seal {
  readonly id = Buffer.alloc(ID_BYTES);
  private readonly secret: Buffer;

  constructor({ privateKey, keyId }: Signer) {
    this.id.writeUInt32BE(keyId);
    const material = privateKey.export({ format: 'der', type: 'pkcs8' });
    this.secret = Buffer.from(hkdfSync('sha256', material, '', PURPOSE, 32));
  }

  of({ principal, key, requestHash, answer }: KeptAnswer): Buffer {
    const said = JSON.stringify([principal, key, requestHash.toString('base64'), answer]);
    return Buffer.concat([this.id, createHmac('sha256', this.secret).update(said).digest()]);
  }

  isOn(kept: KeptAnswer, seal: Buffer): boolean {
    const own = this.of(kept);
    return seal.length === own.length && timingSafeEqual(seal, own);
  }
}

/**
 * Seals what is kept to be answered again: it is given as a fact, to the engine too, and a row that is written into the
 * database must not become one. The secret is made of the audit key, so that all replicas have the same and the database
 * has none.
 */
export class AnswerSeals {
  private readonly seal: Seal;
  /** Of the key at hand and of the one before: an answer is asked for again across a rotation, too. */
  private readonly known: readonly Seal[];
  private readonly forged = new Map<string, ForgedAnswer>();

  constructor(signer: Signer, before: Signer | null = null) {
    this.seal = new Seal(signer);
    this.known = [this.seal, ...(before ? [new Seal(before)] : [])];
  }

  of(kept: KeptAnswer): Buffer {
    return this.seal.of(kept);
  }

  /** Whether a kept answer is as governance wrote it; one under a known key that is not is held against the database. */
  isOwn(kept: KeptAnswer & { seal: Buffer | null }): boolean {
    const { principal, key, seal } = kept;
    if (!seal) return false;
    if (this.known.some((one) => one.isOn(kept, seal))) return true;
    // One of a key that is not known may be from before two rotations.
    const isClaimed = this.known.some(({ id }) => seal.subarray(0, ID_BYTES).equals(id));
    if (isClaimed && this.forged.size < MAX_FORGED)
      this.forged.set(JSON.stringify([principal, key]), { principal, key, seal: seal.toString('hex') });
    return false;
  }

  /** The forged answers that were found since this process began. */
  get found(): ForgedAnswer[] {
    return [...this.forged.values()];
  }
}
