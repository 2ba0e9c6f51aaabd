import { isRecord } from '@scc/plan/words';

/**
 * The sentence of anything that was thrown. An error without a sentence of its own (several addresses that all failed)
 * says those of its parts; `fetch failed` says its cause.
 */
export function messageOf(error: unknown): string {
  if (!isRecord(error) || typeof error['message'] !== 'string') return String(error);
  const { message, errors, cause } = error;
  if (message === '' && Array.isArray(errors)) return errors.map(messageOf).join('; ');
  if (message === 'fetch failed' && cause !== undefined) return messageOf(cause);
  return message;
}

/** What a text says in JSON; undefined where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The code of an error of the operating system or of TLS, such as ECONNREFUSED; empty where there is none. */
export function codeOf(error: unknown): string {
  if (!isRecord(error)) return '';
  return typeof error['code'] === 'string' ? error['code'] : codeOf(error['cause']);
}
