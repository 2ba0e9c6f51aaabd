import type { Readable } from 'node:stream';
import { governanceErrorOf, pageSchema, RECEIPTS_HEADER } from '@scc/governance-api';
import {
  type HttpAnswer,
  DeadlineError,
  type Exchange,
  followTrust,
  HttpClient,
  isCertificateFault,
  jsonOf,
  messageOf,
  textOf,
} from '@scc/runtime';
import { z } from 'zod';
import { CliError } from './exit.js';

export interface RestOptions {
  server: string;
  /** Path of the PEM of the authority that signed the server's certificate. */
  ca: string | undefined;
  token: () => Promise<string>;
  /** Takes the receipts that an answer carries. */
  keep?: (header: string | string[] | undefined) => void;
}

interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  /** Whether it is asked without saying who asks. */
  isPublic?: boolean;
  headers?: Record<string, string>;
}

const TIMEOUT_MS = 30_000;

/** The routes of governance that people use. */
export class Rest {
  private readonly http: HttpClient;

  constructor(private readonly options: RestOptions) {
    const { current } = followTrust({ caFile: options.ca });
    this.http = new HttpClient({
      trust: () =>
        current().catch((error: unknown) => {
          throw new CliError(`--ca: ${messageOf(error)}`, 'Name the PEM file of the authority of governance.');
        }),
    });
  }

  /** @throws GovernanceError when governance says no, CliError when it does not answer. */
  async ask<Schema extends z.ZodType>(schema: Schema, request: Request): Promise<z.output<Schema>> {
    const answer = await this.answered(async (exchange) => this.http.send(exchange), request);
    const { text, headers } = checked(answer);
    this.options.keep?.(headers[RECEIPTS_HEADER]);
    const parsed = schema.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    throw new CliError(
      `governance answered ${request.method} ${request.path} in a form that this sccctl does not know: ${z.prettifyError(parsed.error)}`,
      'Use the sccctl of the same version as governance.',
    );
  }

  /** The body of the public health, or of the problem that answers in its place. @throws CliError without an answer */
  async health(): Promise<unknown> {
    const request = { method: 'GET', path: '/v1/health', isPublic: true } as const;
    return jsonOf((await this.answered((exchange) => this.http.send(exchange), request)).text);
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
      const page = await this.ask(pageSchema(item), { method: 'GET', path: request.path, query });
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && items.length < limit);
    return items;
  }

  /** The body of an answer as it comes in. */
  async open(request: Request): Promise<Readable> {
    const { status, headers, body } = await this.answered((exchange) => this.http.open(exchange), request);
    if (status >= 400) throw governanceErrorOf({ status, headers, text: await textOf(body) });
    return body;
  }

  close(): void {
    this.http.close();
  }

  private async answered<Given>(
    send: (exchange: Exchange) => Promise<Given>,
    { method, path, query = {}, body, isPublic = false, headers: given = {} }: Request,
  ): Promise<Given> {
    const { server, token } = this.options;
    const url = new URL(path, server);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const headers = {
      ...given,
      ...(isPublic ? {} : { authorization: `Bearer ${await token()}` }),
      accept: 'application/json, application/x-ndjson',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const payload = body === undefined ? null : JSON.stringify(body);
    try {
      return await send({ method, url, headers, body: payload, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      throw unreachable(error, server);
    }
  }
}

function checked(answer: HttpAnswer): HttpAnswer {
  if (answer.status >= 400) throw governanceErrorOf(answer);
  return answer;
}

function unreachable(error: unknown, server: string): CliError {
  if (error instanceof CliError) return error;
  const isCertificate = isCertificateFault(error);
  const what = isCertificate ? 'shows a certificate that is not trusted' : 'does not answer';
  const why = error instanceof DeadlineError ? `no answer within ${TIMEOUT_MS / 1000} s` : messageOf(error);
  return new CliError(
    `--server: governance at ${server} ${what}: ${why}`,
    isCertificate
      ? 'Pass the authority that signed it with --ca FILE (GOVERNANCE_CA_FILE).'
      : 'Check --server (GOVERNANCE_URL), and that governance runs.',
  );
}
