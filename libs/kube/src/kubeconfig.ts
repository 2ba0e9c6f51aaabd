import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const clusterSchema = z.looseObject({
  server: z.url(),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().default(false),
  'tls-server-name': z.string().optional(),
  'proxy-url': z.string().optional(),
});
const userSchema = z.looseObject({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  as: z.string().optional(),
  'as-groups': z.array(z.string()).default([]),
  exec: z.unknown().optional(),
  'auth-provider': z.unknown().optional(),
});
const kubeconfigSchema = z.looseObject({
  'current-context': z.string().optional(),
  contexts: z.array(
    z.looseObject({ name: z.string(), context: z.looseObject({ cluster: z.string(), user: z.string() }) }),
  ),
  clusters: z.array(z.looseObject({ name: z.string(), cluster: clusterSchema })),
  users: z.array(z.looseObject({ name: z.string(), user: userSchema.nullish() })),
});

/** A PEM that is in a file, which may change, or in the kubeconfig itself. */
export type Pem = { file: string } | { text: string } | undefined;

/** The cluster and the user of a kubeconfig's current context. */
export interface CurrentContext {
  server: URL;
  ca: Pem;
  skipTLSVerify: boolean;
  serverName: string | undefined;
  userName: string;
  token: { file: string } | { text: string } | undefined;
  certificate: Pem;
  key: Pem;
  basic: { username: string; password: string } | undefined;
  impersonate: { user: string; groups: string[] } | undefined;
  /** The URL of the proxy on the way. */
  proxy: string | undefined;
  /** A program or an identity provider gives the credentials. */
  needsPlugin: boolean;
}

function named<T extends { name: string }>(items: T[], name: string, what: string): T {
  const found = items.find((item) => item.name === name);
  if (!found) throw new Error(`the kubeconfig has no ${what} ${name}`);
  return found;
}

/** What is taken in place of what the kubeconfig says. */
export interface Choice {
  /** The name of a context; its current one when absent. */
  context?: string | undefined;
  /** In whose name requests are made. */
  impersonate?: { user: string; groups: string[] } | undefined;
}

/**
 * Reads a kubeconfig. Relative paths in it are relative to `folder`, where it lies.
 * @throws Error | ZodError
 */
export function parseKubeconfig(text: string, folder: string, chosen: Choice = {}): CurrentContext {
  const { contexts, clusters, users, ...rest } = kubeconfigSchema.parse(parse(text));
  const { context } = named(contexts, chosen.context ?? rest['current-context'] ?? '', 'context');
  const { cluster } = named(clusters, context.cluster, 'cluster');
  const user = userSchema.parse(named(users, context.user, 'user').user ?? {});
  const file = (name: string): { file: string } => ({ file: path.resolve(folder, name) });
  const pem = (name: string | undefined, data: string | undefined): Pem => {
    if (data) return { text: Buffer.from(data, 'base64').toString('utf8') };
    return name ? file(name) : undefined;
  };
  const { token, tokenFile, username, password = '', as, exec } = user;
  return {
    server: new URL(cluster.server),
    ca: pem(cluster['certificate-authority'], cluster['certificate-authority-data']),
    skipTLSVerify: cluster['insecure-skip-tls-verify'],
    serverName: cluster['tls-server-name'],
    userName: context.user,
    token: tokenFile ? file(tokenFile) : token ? { text: token } : undefined,
    certificate: pem(user['client-certificate'], user['client-certificate-data']),
    key: pem(user['client-key'], user['client-key-data']),
    basic: username ? { username, password } : undefined,
    impersonate: chosen.impersonate ?? (as ? { user: as, groups: user['as-groups'] } : undefined),
    proxy: cluster['proxy-url'],
    needsPlugin: Boolean(exec ?? user['auth-provider']),
  };
}
