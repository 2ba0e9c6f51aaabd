import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { trustOf, type ConnectionTrust } from '@scc/runtime';
import { inCluster } from './in-cluster.js';
import { parseKubeconfig, type Choice, type CurrentContext } from './kubeconfig.js';
import { pluginAuth, type PluginAuth } from './plugin-auth.js';

/** How long what was read from files is used before it is read again, in milliseconds. */
const FRESH_MS = 5000;

/** The address, identity and trust of a request to the API server. */
export interface ClusterAccess {
  server: URL;
  headers: Record<string, string | string[]>;
  trust: ConnectionTrust;
}

interface Loaded {
  mtimeMs: number;
  context: CurrentContext;
  plugin: (() => Promise<PluginAuth>) | undefined;
}

async function load(kubeconfig: string | undefined, mtimeMs: number, chosen: Choice): Promise<Loaded> {
  if (kubeconfig === undefined) return { mtimeMs, context: inCluster(), plugin: undefined };
  const folder = path.dirname(path.resolve(kubeconfig));
  const text = await readFile(kubeconfig, 'utf8');
  const context = parseKubeconfig(text, folder, chosen);
  if (context.server.protocol === 'http:' && !context.skipTLSVerify)
    throw new Error(`${context.server.origin} is not encrypted; insecure-skip-tls-verify would allow that`);
  return {
    mtimeMs,
    context,
    plugin: context.needsPlugin ? await pluginAuth(text, folder, { ...context, context: chosen.context }) : undefined,
  };
}

const contentOf = async (source: CurrentContext['token']): Promise<string | undefined> =>
  source && ('file' in source ? readFile(source.file, 'utf8') : source.text);

async function headersOf({ token, basic, impersonate }: CurrentContext): Promise<ClusterAccess['headers']> {
  // A token file may end with a newline, which no header may hold.
  const bearer = (await contentOf(token))?.trim();
  const pair = basic && Buffer.from(`${basic.username}:${basic.password}`).toString('base64');
  const authorization = bearer ? `Bearer ${bearer}` : pair && `Basic ${pair}`;
  return {
    ...(authorization ? { Authorization: authorization } : {}),
    ...(impersonate ? { 'Impersonate-User': impersonate.user, 'Impersonate-Group': impersonate.groups } : {}),
  };
}

async function accessOf({ context, plugin }: Loaded): Promise<ClusterAccess> {
  const { server, skipTLSVerify, serverName, proxy } = context;
  const [ca, cert, key] = await Promise.all([context.ca, context.certificate, context.key].map(contentOf));
  const given = await plugin?.();
  const tls = {
    ...(ca ? { ca } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(skipTLSVerify ? { rejectUnauthorized: false } : {}),
    ...(serverName ? { servername: serverName } : {}),
    ...given?.tls,
  };
  const headers = { ...(await headersOf(context)), ...given?.headers };
  return { server, headers, trust: trustOf(tls, proxy) };
}

/**
 * Follows a kubeconfig or the in-cluster credentials: tokens, certificates and the file itself may be rotated. What an
 * exec plugin gave is kept for as long as the file stays.
 */
export class Credentials {
  #loaded: Loaded | undefined;
  #access: Promise<ClusterAccess> | undefined;
  #readAt = 0;

  constructor(
    private readonly kubeconfig: string | undefined,
    private readonly chosen: Choice = {},
  ) {}

  current(): Promise<ClusterAccess> {
    if (this.#access && performance.now() - this.#readAt <= FRESH_MS) return this.#access;
    return this.#renew();
  }

  /** To be called when the API server does not accept `refused`: everything is read again, unless it has been since. */
  async reload(refused: ClusterAccess): Promise<void> {
    if ((await this.current()) !== refused) return;
    this.#loaded = undefined;
    await this.#renew();
  }

  #renew(): Promise<ClusterAccess> {
    const reading = this.#read();
    this.#readAt = performance.now();
    this.#access = reading;
    reading.catch(() => {
      if (this.#access === reading) this.#access = undefined;
    });
    return reading;
  }

  async #read(): Promise<ClusterAccess> {
    const mtimeMs = this.kubeconfig === undefined ? 0 : (await stat(this.kubeconfig)).mtimeMs;
    if (this.#loaded?.mtimeMs !== mtimeMs) this.#loaded = await load(this.kubeconfig, mtimeMs, this.chosen);
    return accessOf(this.#loaded);
  }
}
