/**
 * A reverse proxy of the API server, run inside the stack's network. While it is told `on` on its standard input, every
 * fifth write is answered by 429, by 500, or not at all although it was done; `off` ends that. Prints its state.
 *
 *   node weather.process.ts PORT TLS_FOLDER
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import path from 'node:path';
import { createInterface } from 'node:readline';

const [port = '', folder = ''] = process.argv.slice(2);
const pem = (name: string): Buffer => readFileSync(path.join(folder, name));
const agent = new Agent({ ca: pem('ca.crt'), keepAlive: true });
const EVERY = 5;
/** How long an answer that does not come is waited for by what stands between, in milliseconds. */
const SILENT_MS = 4_000;
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
const FAULTS = ['limited', 'broken', 'silent'] as const;

let isBad = false;
let writes = 0;
let injected = 0;

function faultOf({ method = 'GET', url = '' }: IncomingMessage): (typeof FAULTS)[number] | null {
  if (!isBad || READS.has(method) || url.endsWith('reviews')) return null;
  if (++writes % EVERY !== 0) return null;
  return FAULTS[injected++ % FAULTS.length] ?? null;
}

function answer(response: ServerResponse, code: number, reason: string): void {
  const status = { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message: `injected: ${reason}` };
  response.writeHead(code, { 'content-type': 'application/json', ...(code === 429 ? { 'retry-after': '1' } : {}) });
  response.end(JSON.stringify(status));
}

function passOn(incoming: IncomingMessage, response: ServerResponse, isSilent: boolean): void {
  const { method, url, headers } = incoming;
  const outgoing = request({ host: '127.0.0.1', port: 6443, method, path: url, headers, agent }, (answered) => {
    if (isSilent) {
      answered.resume();
      setTimeout(() => response.destroy(), SILENT_MS);
      return;
    }
    response.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.pipe(response);
    answered.on('error', () => response.destroy());
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => {
    if (!isSilent) outgoing.destroy();
  });
  incoming.pipe(outgoing);
}

createServer({ cert: pem('tls.crt'), key: pem('tls.key') }, (incoming, response) => {
  const fault = faultOf(incoming);
  if (fault === 'limited') answer(response, 429, 'TooManyRequests');
  else if (fault === 'broken') answer(response, 500, 'InternalError');
  else passOn(incoming, response, fault === 'silent');
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));

createInterface({ input: process.stdin }).on('line', (line) => {
  isBad = line === 'on';
  console.log(`${line} ${injected}`);
});
