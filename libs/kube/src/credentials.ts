import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import type { RequestOptions } from 'node:https';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { z } from 'zod';

const IN_CLUSTER_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
/** How long what was read from files is used before it is read again, in milliseconds. */
const FRESH_MS = 5000;

/** What a request needs to reach the API server as somebody. */
export interface Access {
  server: URL;
  /** Differs when connections made before must not be used any more. */
  connectionKey: string;
  headers: Record<string, string>;
  tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;
  /** Set where the kubeconfig names a proxy. */
  proxy: HttpAgent | undefined;
}

const tokenFilesSchema = z.looseObject({
  users: z
    .array(z.looseObject({ name: z.string(), user: z.looseObject({ tokenFile: z.string().optional() }).nullish() }))
    .default([]),
});

async function loadFile(file: string): Promise<KubeConfig> {
  const text = await readFile(file, 'utf8');
  const config = new KubeConfig();
  config.loadFromString(text);
  config.makePathsAbsolute(path.dirname(file));
  // The library knows no `tokenFile` in a kubeconfig, only the in-cluster one: the same authenticator serves both.
  for (const { name, user } of tokenFilesSchema.parse(parse(text)).users) {
    const found = config.users.find((candidate) => candidate.name === name);
    if (!found || !user?.tokenFile) continue;
    const tokenFile = path.resolve(path.dirname(file), user.tokenFile);
    const authProvider = { name: 'tokenFile', config: { tokenFile } };
    config.users.splice(config.users.indexOf(found), 1, { name, authProvider });
  }
  return config;
}

function loadInCluster(): KubeConfig {
  if (!existsSync(IN_CLUSTER_TOKEN))
    throw new Error('no kubeconfig is given, and this process does not run in a cluster');
  const config = new KubeConfig();
  config.loadFromCluster();
  return config;
}

const headersSchema = z.record(z.string(), z.string());

/**
 * Follows a kubeconfig or the in-cluster credentials: tokens, certificates and the file itself may be rotated. What the
 * kubeconfig's own authenticators keep, such as the token of an exec plugin, is kept for as long as the file stays.
 */
export class Credentials {
  #config: { loaded: KubeConfig; mtimeMs: number } | undefined;
  #access: Promise<Access> | undefined;
  #readAt = 0;

  constructor(private readonly kubeconfig: string | undefined) {}

  current(): Promise<Access> {
    if (this.#access && performance.now() - this.#readAt <= FRESH_MS) return this.#access;
    return this.#renew();
  }

  /** To be called when the API server does not accept `refused`: everything is read again, unless it has been since. */
  async reload(refused: Access): Promise<void> {
    if ((await this.current()) !== refused) return;
    this.#config = undefined;
    await this.#renew();
  }

  #renew(): Promise<Access> {
    const reading = this.#read();
    this.#readAt = performance.now();
    this.#access = reading;
    reading.catch(() => {
      if (this.#access === reading) this.#access = undefined;
    });
    return reading;
  }

  async #load(): Promise<KubeConfig> {
    const mtimeMs = this.kubeconfig === undefined ? 0 : (await stat(this.kubeconfig)).mtimeMs;
    if (this.#config?.mtimeMs !== mtimeMs) {
      const loaded = this.kubeconfig === undefined ? loadInCluster() : await loadFile(this.kubeconfig);
      this.#config = { loaded, mtimeMs };
    }
    return this.#config.loaded;
  }

  async #read(): Promise<Access> {
    const config = await this.#load();
    const cluster = config.getCurrentCluster();
    if (!cluster) throw new Error(`${this.kubeconfig ?? 'the in-cluster configuration'} has no current cluster`);
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, rejectUnauthorized, servername, auth, agent } = options;
    const headers = headersSchema.parse(options.headers ?? {});
    // A token file may end with a newline, which no header may hold.
    for (const [name, value] of Object.entries(headers)) headers[name] = value.trim();
    if (auth) headers['Authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, rejectUnauthorized, servername }).filter(([, value]) => value !== undefined),
    );
    return {
      server: new URL(cluster.server),
      connectionKey: createHash('sha256')
        .update(JSON.stringify([cluster.server, tls]))
        .digest('hex'),
      headers,
      tls,
      proxy: cluster.proxyUrl && agent instanceof HttpAgent ? agent : undefined,
    };
  }
}
