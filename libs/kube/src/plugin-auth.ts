import type { RequestOptions } from 'node:https';
import type { TlsMaterial } from '@scc/runtime';
import { z } from 'zod';
import type { CurrentContext } from './kubeconfig.js';

/** Credentials that only the official client knows to obtain. */
export interface PluginAuth {
  headers: Record<string, string>;
  tls: Pick<TlsMaterial, 'cert' | 'key'>;
}

const headersSchema = z.record(z.string(), z.string());
const pemSchema = z.union([z.string(), z.instanceof(Buffer).transform((pem) => pem.toString())]).optional();

/**
 * Credentials by exec plugins and identity providers, as the official client implements them. It keeps what
 * they gave until it expires. Loaded only where a kubeconfig asks for it: it costs every process that imports it about
 * a second of start and 85 MB.
 */
export async function pluginAuth(
  text: string,
  folder: string,
  { token, context }: Pick<CurrentContext, 'token'> & { context: string | undefined },
): Promise<() => Promise<PluginAuth>> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromString(text);
  config.makePathsAbsolute(folder);
  if (context !== undefined) config.setCurrentContext(context);
  const user = config.getCurrentUser();
  // The official client knows no `tokenFile` in a kubeconfig, only the in-cluster one: the same authenticator serves
  // both.
  if (user && token && 'file' in token)
    config.users.splice(config.users.indexOf(user), 1, {
      ...user,
      authProvider: { name: 'tokenFile', config: { tokenFile: token.file } },
    });
  return async () => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const [cert, key] = [options.cert, options.key].map((pem) => pemSchema.parse(pem));
    return {
      headers: headersSchema.parse(options.headers ?? {}),
      tls: { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) },
    };
  };
}
