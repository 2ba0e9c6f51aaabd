import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';

export interface Exchange {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: string | null;
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

export interface RawAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Sends requests over connections that are kept open. */
export class Transport {
  private agent: Promise<http.Agent> | null = null;

  constructor(
    private readonly isSecure: boolean,
    private readonly caFile: string | undefined,
  ) {}

  async send(exchange: Exchange): Promise<RawAnswer> {
    this.agent ??= this.connect();
    try {
      return await exchangeOver(await this.agent, this.isSecure ? https : http, exchange);
    } catch (error) {
      // The authority may have been exchanged: the next connection reads its file again.
      if (isCertificateFault(error)) this.close();
      throw error;
    }
  }

  close(): void {
    this.agent?.then(
      (agent) => agent.destroy(),
      () => undefined,
    );
    this.agent = null;
  }

  private async connect(): Promise<http.Agent> {
    const options = { keepAlive: true, maxSockets: 64, keepAliveMsecs: 10_000, timeout: 60_000 };
    if (!this.isSecure) return new http.Agent(options);
    const ca = this.caFile === undefined ? {} : { ca: await readFile(this.caFile) };
    return new https.Agent({ ...options, ...ca });
  }
}

const isCertificateFault = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /CERT|SELF_SIGNED|UNABLE_TO_/.test(String(error.code));

function exchangeOver(agent: http.Agent, { request: open }: typeof http | typeof https, exchange: Exchange) {
  const { method, url, headers, body, timeoutMs, signal } = exchange;
  const deadline = AbortSignal.timeout(timeoutMs);
  return new Promise<RawAnswer>((resolve, reject) => {
    const request = open(url, {
      method,
      agent,
      headers: { ...headers, ...(body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES)
          response.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers: received } = response;
        resolve({ status: statusCode, headers: received, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    request.end(body ?? undefined);
  });
}
