import { generateKeyPairSync } from 'node:crypto';

/** The key pair that signs ServiceAccount tokens. */
export function serviceAccountKeys(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

/** The Ed25519 key that seals the audit log, as PKCS#8 PEM. */
export const auditKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
