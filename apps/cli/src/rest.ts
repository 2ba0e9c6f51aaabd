import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { GovernanceError, problemSchema } from '@scc/governance-api';
import { z } from 'zod';
import { CliError } from './exit.js';

export interface RestOptions {
  server: string;
  /** Path of the PEM of the authority that signed the server's certificate. */
  ca: string | undefined;
  token: () => Promise<string>;
}

interface Request {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
}

const TIMEOUT_MS = 30_000;
const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable().default(null) });

/** The routes of governance that people use. */
export class Rest {
  constructor(private readonly options: RestOptions) {}

  /** @throws GovernanceError when governance says no, CliError when it does not answer. */
  async ask<Answer extends z.ZodType>(schema: Answer, request: Request): Promise<z.output<Answer>> {
    const response = await this.open(request);
    const body: unknown = JSON.parse(await text(response));
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new CliError(
      `governance answered ${request.method} ${request.path} in a form that this sccctl does not know: ${z.prettifyError(parsed.error)}`,
      'Use the sccctl of the same version as governance.',
    );
  }

  /** All pages of a list, or as many items as wanted. */
  async list<Item extends z.ZodType>(
    item: Item,
    request: Omit<Request, 'method' | 'body'>,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<z.output<Item>[]> {
    const items: z.output<Item>[] = [];
    let cursor: string | undefined;
    do {
      const query = { ...request.query, limit: String(Math.min(500, limit - items.length)), cursor };
      const page = await this.ask(pageOf(item), { method: 'GET', path: request.path, query });
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && items.length < limit);
    return items;
  }

  /** The body of an answer as it comes in. */
  async open(request: Request): Promise<http.IncomingMessage> {
    const response = await this.send(request).catch((error: unknown) => {
      throw unreachable(error, this.options.server);
    });
    if ((response.statusCode ?? 0) < 400) return response;
    throw errorOf(response.statusCode ?? 0, await text(response));
  }

  private async send({ method, path, query = {}, body }: Request): Promise<http.IncomingMessage> {
    const url = new URL(path, this.options.server);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const token = await this.options.token();
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, application/x-ndjson',
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      },
      timeout: TIMEOUT_MS,
      ...(this.options.ca === undefined ? {} : { ca: await readCa(this.options.ca) }),
    };
    return new Promise((resolve, reject) => {
      const call = (url.protocol === 'https:' ? https : http).request(url, options, resolve);
      call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      call.on('error', reject);
      call.end(payload);
    });
  }
}

async function readCa(file: string): Promise<Buffer> {
  return readFile(file).catch((error: unknown) => {
    throw new CliError(`--ca: ${messageOf(error)}`, 'Name the PEM file of the authority of governance.');
  });
}

const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};
const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

function unreachable(error: unknown, server: string): CliError {
  if (error instanceof CliError) return error;
  const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO_/.test(codeOf(error));
  return new CliError(
    `--server: governance at ${server} ${isCertificate ? 'shows a certificate that is not trusted' : 'does not answer'}: ${messageOf(error)}`,
    isCertificate
      ? 'Pass the authority that signed it with --ca FILE (GOVERNANCE_CA_FILE).'
      : 'Check --server (GOVERNANCE_URL), and that governance runs.',
  );
}

function errorOf(status: number, body: string): GovernanceError {
  try {
    return new GovernanceError(problemSchema.parse(JSON.parse(body)));
  } catch {
    return new GovernanceError({
      type: 'about:blank',
      title: `HTTP ${status}`,
      status,
      detail: body.slice(0, 200),
      errors: [],
    });
  }
}
