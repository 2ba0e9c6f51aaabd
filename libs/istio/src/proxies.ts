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
  /** The resources of one type that a proxy was given. */
  dump: (proxy: ProxyState, type: 'rds' | 'lds' | 'eds') => Promise<unknown[]>;
}

export interface ProxyState {
  id: string;
  /** The istiod that the proxy is connected to. */
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

const TIMEOUT_MS = 5_000;
/** Answers that waiting does not change. */
const REFUSALS = new Set([401, 403, 404]);
/** All endpoints that one proxy of a large mesh knows. */
const MAX_BYTES = 256 * 1024 * 1024;

interface DebugOptions {
  /** http://HOST:PORT. A name with several addresses is asked at each: every istiod knows its own proxies only. */
  url: string;
  /** A file with the bearer token that istiod wants from other hosts than its own. */
  tokenFile?: string;
  /** Lets the token cross the network in clear text, where the address is `http`. */
  tokenOverHttp?: boolean;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a client that reads the network on the way to istiod would read the token. */
const showsToken = ({ url, tokenFile }: Pick<DebugOptions, 'url' | 'tokenFile'>): boolean => {
  const { protocol, hostname } = new URL(url);
  return tokenFile !== undefined && protocol === 'http:' && !LOOPBACK.has(hostname);
};

/** Reads istiod's debug endpoints. @throws ConfigError when the token would be sent in clear text and may not be */
export function istiodView({ url, tokenFile, tokenOverHttp = false }: DebugOptions): ProxyView {
  if (showsToken({ url, ...(tokenFile === undefined ? {} : { tokenFile }) }) && !tokenOverHttp)
    throw new ConfigError(
      `ISTIOD_DEBUG_TOKEN_FILE: its token would cross the network to ${url} in clear text - set ISTIOD_DEBUG_TOKEN_OVER_HTTP to true where nobody else reads that path, or leave the token or ISTIOD_DEBUG_URL out`,
    );
  const base = new URL(url);
  const http = new HttpClient({ maxBytes: MAX_BYTES });
  const addresses = async (): Promise<string[]> => {
    if (isIP(base.hostname)) return [base.hostname];
    return (await lookup(base.hostname, { all: true })).map(({ address }) => address);
  };
  const ask = async (address: string, path: string): Promise<unknown> => {
    const at = new URL(path, base);
    at.hostname = isIP(address) === 6 ? `[${address}]` : address;
    const token = tokenFile === undefined ? null : (await readFile(tokenFile, 'utf8')).trim();
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const { status, text } = await http
      .send({ method: 'GET', url: at, headers, timeoutMs: TIMEOUT_MS })
      .catch((error: unknown) => {
        throw new ProxiesUnseen(`istiod does not answer: ${messageOf(error)}`, false, { cause: error });
      });
    if (status !== 200) throw new ProxiesUnseen(`istiod answered ${status} to ${path}`, REFUSALS.has(status));
    return parsed(text, path);
  };
  return {
    proxies: async () => {
      const lists = await Promise.all(
        (await addresses()).map(async (istiod) =>
          syncSchema.parse(await ask(istiod, '/debug/syncz')).map((proxy): ProxyState => ({
            id: proxy.proxy,
            istiod,
            routes: { sent: proxy.route_sent, acked: proxy.route_acked },
            endpoints: { sent: proxy.endpoint_sent, acked: proxy.endpoint_acked },
            clusters: { sent: proxy.cluster_sent, acked: proxy.cluster_acked },
            listeners: { sent: proxy.listener_sent, acked: proxy.listener_acked },
          })),
        ),
      );
      return lists.flat();
    },
    dump: async ({ id, istiod }, type) => {
      const path = `/debug/config_dump?proxyID=${encodeURIComponent(id)}&types=${type}`;
      return dumpSchema.parse(await ask(istiod, path)).configs;
    },
  };
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ProxiesUnseen(`istiod answered in a form that is not known to ${path}`, false, { cause: error });
  }
}
