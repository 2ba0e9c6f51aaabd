import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { AllowedHosts, followTrust, HttpClient, messageOf } from '@scc/runtime';
import { z } from 'zod';
import { Refusal } from '../refusal/refusal.js';
import { signingKeys } from './signature.js';

/** The variables of notifications. */
export const notificationConfig = {
  NOTIFICATION_HOSTS: z
    .string()
    .default('')
    .describe('the hosts that notifications may be sent to, as NAME, NAME:PORT or *.DOMAIN separated by commas'),
  NOTIFICATION_NETWORKS: z
    .string()
    .default('')
    .describe('networks in CIDR notation that they may reach although they are private, of the link or of the machine'),
  NOTIFICATION_CA_FILE: z.string().optional().describe('the authority of their certificates, as PEM'),
  NOTIFICATION_SECRETS_DIR: z
    .string()
    .optional()
    .describe('a folder with the secrets that receivers name, one file each; read at every message'),
};
export type NotificationConfig = z.infer<z.ZodObject<typeof notificationConfig>>;

/** The secrets and the address of a receiver, by reference. */
export interface Addressed {
  url: string | null;
  urlSecret: string | null;
  signingSecret: string | null;
}

export interface ReceiverAnswer {
  status: number;
  /** How long the receiver asks not to be asked, in milliseconds. */
  retryAfterMs: number | null;
  /** The beginning of an answer that is a refusal. */
  said: string;
}

const TIMEOUT_MS = 10_000;
const MAX_SAID = 200;

async function beginningOf(body: Readable): Promise<string> {
  for await (const chunk of body as AsyncIterable<Buffer>) return chunk.toString('utf8').slice(0, MAX_SAID);
  return '';
}

function retryAfterMs(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}

/** Carries messages to receivers: only to hosts that are allowed, with secrets that are files. */
export class Courier {
  readonly #allowed: AllowedHosts;
  readonly #folder: string | undefined;
  readonly #http: HttpClient;

  /** @throws ConfigError for a list that is none */
  constructor(config: NotificationConfig) {
    this.#allowed = new AllowedHosts(config.NOTIFICATION_HOSTS, config.NOTIFICATION_NETWORKS);
    this.#folder = config.NOTIFICATION_SECRETS_DIR;
    const { current, forget } = followTrust({ caFile: config.NOTIFICATION_CA_FILE });
    this.#http = new HttpClient({ trust: current, untrusted: forget, lookup: this.#allowed.lookup, connections: 4 });
  }

  close(): void {
    this.#http.close();
  }

  /** @throws Refusal `invalid` with the field that cannot be used */
  async check(receiver: Addressed): Promise<void> {
    const asked: [field: string, Promise<unknown>][] = [
      [receiver.url === null ? 'urlSecret' : 'url', this.address(receiver)],
      ['signingSecret', this.keys(receiver)],
    ];
    const issues: { field: string; message: string }[] = [];
    for (const [field, outcome] of asked)
      await outcome.catch((error: unknown) => issues.push({ field, message: messageOf(error) }));
    if (issues.length > 0) throw new Refusal('invalid', 'the receiver cannot be reached as it is described', issues);
  }

  /** @throws Error that holds nothing of a secret */
  async address({ url, urlSecret }: Addressed): Promise<URL> {
    const text = url ?? (await this.#secret(urlSecret ?? ''));
    const parsed = URL.canParse(text) ? new URL(text) : null;
    if (!parsed || !['http:', 'https:'].includes(parsed.protocol))
      throw new Error(url === null ? `the secret ${urlSecret ?? ''} holds no http(s) address` : `${url} is no address`);
    if (!this.#allowed.allows(parsed)) throw new Error(`${parsed.host} is not among the hosts of NOTIFICATION_HOSTS`);
    return parsed;
  }

  /** The keys that sign; none for a receiver without. @throws Error */
  async keys({ signingSecret }: Addressed): Promise<Buffer[]> {
    if (signingSecret === null) return [];
    const text = await this.#secret(signingSecret);
    try {
      return signingKeys(text);
    } catch (error) {
      throw new Error(`the secret ${signingSecret} ${messageOf(error)}`, { cause: error });
    }
  }

  async post(url: URL, body: string, headers: Record<string, string>, signal: AbortSignal): Promise<ReceiverAnswer> {
    const either = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const exchange = { method: 'POST', url, body, headers, timeoutMs: TIMEOUT_MS, signal: either } as const;
    const { status, headers: answered, body: answer } = await this.#http.open(exchange);
    try {
      const isTaken = status >= 200 && status < 300;
      const said = isTaken ? '' : await beginningOf(answer);
      return { status, retryAfterMs: retryAfterMs(answered['retry-after']), said };
    } finally {
      answer.destroy();
    }
  }

  async #secret(name: string): Promise<string> {
    if (this.#folder === undefined) throw new Error(`there is no secret ${name}: NOTIFICATION_SECRETS_DIR is not set`);
    try {
      return (await readFile(path.join(this.#folder, name), 'utf8')).trim();
    } catch (error) {
      throw new Error(`the secret ${name} cannot be read from NOTIFICATION_SECRETS_DIR`, { cause: error });
    }
  }
}
