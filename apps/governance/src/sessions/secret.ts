import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** `__Host-`: the browser takes it only over TLS, for this host alone and for all of its paths. */
export const SESSION_COOKIE = '__Host-scc-session';
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** 256 random bits, as text that a cookie can hold. */
export const newSessionSecret = (): string => randomBytes(32).toString('base64url');

/** Under which a session is stored; nothing leads back from it to the secret. */
export const idHashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The header that a page of ours sends with a write, and no page of another site can know. */
export const csrfTokenOf = (secret: string): string => createHmac('sha256', secret).update('csrf').digest('base64url');

export function isCsrfToken(secret: string, given: string | undefined): boolean {
  const [right, sent] = [csrfTokenOf(secret), given ?? ''].map((text) => createHash('sha256').update(text).digest());
  return right !== undefined && sent !== undefined && timingSafeEqual(right, sent);
}

const keyOf = (secret: string): Buffer => Buffer.from(hkdfSync('sha256', secret, '', 'token', 32));

/** Encrypts a token so that the secret alone opens it. */
export function sealToken(secret: string, token: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(secret), nonce);
  const sealed = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** @throws Error when the secret or the sealed token is another one */
export function openToken(secret: string, sealed: Buffer): string {
  const decipher = createDecipheriv(CIPHER, keyOf(secret), sealed.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const rest = sealed.subarray(NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(rest), decipher.final()]).toString('utf8');
}

/** The value of a cookie; undefined when it is missing or sent twice, so that none is chosen by its place. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '').split(';').flatMap((pair) => {
    const [key = '', ...rest] = pair.split('=');
    return key.trim() === name ? [rest.join('=').trim()] : [];
  });
  return values.length === 1 ? values[0] : undefined;
}

/** The secret that a request carries; undefined when it carries none of ours. */
export function sessionSecretOf(cookies: string | undefined): string | undefined {
  const value = cookieOf(cookies, SESSION_COOKIE);
  return value !== undefined && SECRET.test(value) ? value : undefined;
}

const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
/** Ends with the browser, and at the latest with the session in the table. */
export const sessionCookie = (secret: string): string => `${SESSION_COOKIE}=${secret}; ${ATTRIBUTES}`;
export const noSessionCookie = `${SESSION_COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
