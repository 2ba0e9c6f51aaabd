import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { ProxiesUnseen } from '@scc/routing';
import { ConfigError, HttpClient, messageOf } from '@scc/runtime';
import { z } from 'zod';

/**
 * The configuration of the proxies as istiod knows it: the debug endpoints of its HTTP port. The routes of a dump are
 * those of the last push to that proxy; a nonce that is sent and acknowledged says that the proxy took it over.
 */
export interface ProxyView {
  /** Every connected proxy with the nonces of its routes. */
  proxies: () => Promise<ProxyState[]>;
  /** The resources of one type that a proxy was given; null when it has left its istiod meanwhile. */
  dump: (proxy: ProxyState, type: 'rds' | 'lds' | 'eds') => Promise<unknown[] | null>;
}

export interface ProxyState {
  id: string;
  /** The istiod that the proxy is connected to: one of its addresses, with its port. */
  istiod: string;
  routes: { sent: string; acked: string };
  endpoints: { sent: string; acked: string };
  clusters: { sent: string; acked: string };
  listeners: { sent: string; acked: string };
}

const nonce = z.string().default('');
const syncSchema = z
  .array(
    z.looseObject({
      proxy: z.string(),
      cluster_sent: nonce,
      cluster_acked: nonce,
      listener_sent: nonce,
      listener_acked: nonce,
      route_sent: nonce,
      route_acked: nonce,
      endpoint_sent: nonce,
      endpoint_acked: nonce,
    }),
  )
  .nullable()
  .transform((list) => list ?? []);
const dumpSchema = z.looseObject({ configs: z.array(z.unknown()).default([]) });

const SYNC_PATH = '/debug/syncz';
const TIMEOUT_MS = 5_000;
/** Statuses of 4xx that pass. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
/** Whether waiting does not change an answer: a redirect, as to a login, is none that passes. */
const isRefusal = (status: number): boolean => status >= 300 && status < 500 && !PASSING.has(status);
/** All endpoints that one proxy of a large mesh knows. */
const MAX_BYTES = 256 * 1024 * 1024;

interface DebugOptions {
  /**
   * http://HOST:PORT, or several of them separated by commas, such as one for each revision. A name with several
   * addresses is asked at each: every istiod knows its own proxies only.
   */
  url: string;
  /** A file with the bearer token that istiod wants from other hosts than its own. */
  tokenFile?: string;
  /** Lets the token cross the network in clear text, where the address is `http`. */
  tokenOverHttp?: boolean;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a client that reads the network on the way to istiod would read the token. */
const showsToken = ({ protocol, hostname }: URL): boolean => protocol === 'http:' && !LOOPBACK.has(hostname);

/** The addresses in a list that is separated by commas. */
export const istiodUrls = (text: string): string[] => text.split(',').map((part) => part.trim());

/** Reads istiod's debug endpoints. @throws ConfigError when the token would be sent in clear text and may not be */
export function istiodView({ url, tokenFile, tokenOverHttp = false }: DebugOptions): ProxyView {
  const bases = istiodUrls(url).map((one) => new URL(one));
  const open = bases.find(showsToken);
  if (open && tokenFile !== undefined && !tokenOverHttp)
    throw new ConfigError(
      `ISTIOD_DEBUG_TOKEN_FILE: its token would cross the network to ${open.origin} in clear text - set ISTIOD_DEBUG_TOKEN_OVER_HTTP to true where nobody else reads that path, or leave the token or ISTIOD_DEBUG_URL out`,
    );
  const http = new HttpClient({ maxBytes: MAX_BYTES });
  /** Every istiod, as an address of one of the names. */
  const istiods = async (): Promise<string[]> => {
    const found = await Promise.all(
      bases.map(async (base) => {
        const addresses = isIP(base.hostname) ? [base.hostname] : await addressesOf(base.hostname);
        return addresses.map((address) => {
          const at = new URL(base);
          at.hostname = isIP(address) === 6 ? `[${address}]` : address;
          return at.href;
        });
      }),
    );
    return [...new Set(found.flat())];
  };
  const answerOf = async (istiod: string, path: string): Promise<{ status: number; text: string }> => {
    const token = tokenFile === undefined ? null : (await readFile(tokenFile, 'utf8')).trim();
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    return http
      .send({ method: 'GET', url: new URL(path, istiod), headers, timeoutMs: TIMEOUT_MS })
      .catch((error: unknown) => {
        throw new ProxiesUnseen(`istiod does not answer: ${messageOf(error)}`, false, { cause: error });
      });
  };
  const proxiesOf = async (istiod: string): Promise<ProxyState[]> =>
    read(syncSchema, await answerOf(istiod, SYNC_PATH), SYNC_PATH).map((proxy) => ({
      id: proxy.proxy,
      istiod,
      routes: { sent: proxy.route_sent, acked: proxy.route_acked },
      endpoints: { sent: proxy.endpoint_sent, acked: proxy.endpoint_acked },
      clusters: { sent: proxy.cluster_sent, acked: proxy.cluster_acked },
      listeners: { sent: proxy.listener_sent, acked: proxy.listener_acked },
    }));
  return {
    proxies: async () => (await Promise.all((await istiods()).map(proxiesOf))).flat(),
    dump: async ({ id, istiod }, type) => {
      const path = `/debug/config_dump?proxyID=${encodeURIComponent(id)}&types=${type}`;
      const answer = await answerOf(istiod, path);
      // A proxy that has left is not found any more; one that is still there is not shown.
      if (answer.status === 404 && !(await proxiesOf(istiod)).some((proxy) => proxy.id === id)) return null;
      return read(dumpSchema, answer, path).configs;
    },
  };
}

const addressesOf = async (hostname: string): Promise<string[]> =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** What istiod answered, as `schema` says. @throws ProxiesUnseen for a refusal, a fault, and another form, such as a page */
function read<T>(schema: z.ZodType<T>, { status, text }: { status: number; text: string }, path: string): T {
  if (status !== 200) throw new ProxiesUnseen(`istiod answered ${status} to ${path}`, isRefusal(status));
  const found = schema.safeParse(parsed(text));
  if (found.success) return found.data;
  throw new ProxiesUnseen(`istiod answered in a form that is not known to ${path}`, true, { cause: found.error });
}

/** Nothing for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
