import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** Bytes of a secret, as Standard Webhooks want them. */
const SHORTEST = 24;
const LONGEST = 64;

/**
 * The keys in a file of secrets, one a line: the first one is the newest, and all sign while receivers exchange theirs.
 * @throws Error that says what is wrong, without the secret
 */
export function signingKeys(text: string): Buffer[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) throw new Error('holds no secret');
  return lines.map((line) => {
    const written = line.startsWith(PREFIX) ? line.slice(PREFIX.length) : null;
    const key = written !== null && /^[A-Za-z0-9+/]+={0,2}$/.test(written) ? Buffer.from(written, 'base64') : null;
    if (!key || key.length < SHORTEST || key.length > LONGEST)
      throw new Error(`has a line that is not ${PREFIX} and ${SHORTEST} to ${LONGEST} bytes in base64`);
    return key;
  });
}

/** The headers by which a receiver knows who sends, that nothing was changed, and what it has had already. */
export function signedHeaders(
  { id, body, at }: { id: string; body: string; at: Date },
  keys: readonly Buffer[],
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  );
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
