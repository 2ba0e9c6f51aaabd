import { type AllowedHosts, followTrust, HttpClient } from '@scc/runtime';

/** However long a plan wants to wait for one answer, in milliseconds. */
const LONGEST_MS = 60_000;

/** Calls a URL of a plan and reads nothing but the status of the answer. */
export type CallWebhook = (url: string, body: string, timeoutMs: number) => Promise<number>;

/** @throws Error for a host that is not allowed, and the errors of the connection; redirects are not followed. */
export function webhookCaller(allowed: AllowedHosts, caFile: string | undefined): CallWebhook {
  const { current, forget } = followTrust({ caFile });
  const http = new HttpClient({ trust: current, untrusted: forget, lookup: allowed.lookup });
  return async (address, body, timeoutMs) => {
    const url = new URL(address);
    if (!allowed.allows(url)) throw new Error(`calls to ${url.host} are not allowed (WEBHOOK_GATE_HOSTS)`);
    const { status, body: answer } = await http.open({
      method: 'POST',
      url,
      body,
      timeoutMs: Math.min(timeoutMs, LONGEST_MS),
      headers: { 'content-type': 'application/json' },
    });
    answer.destroy();
    return status;
  };
}
