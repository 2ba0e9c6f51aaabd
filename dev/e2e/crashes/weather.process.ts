/**
 * A reverse proxy of the API server for each of some processes, run inside the stack's network. A line on its standard
 * input names the processes, by spaces, of whose writes every fifth is answered by 429, by 500, or not at all although it
 * was done; an empty line ends that. Prints as JSON how many were answered so, by process.
 *
 *   node weather.process.ts TLS_FOLDER PROCESS=PORT...
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import path from 'node:path';
import { createInterface } from 'node:readline';

const [folder = '', ...places] = process.argv.slice(2);
const pem = (name: string): Buffer => readFileSync(path.join(folder, name));
const agent = new Agent({ ca: pem('ca.crt'), keepAlive: true });
const EVERY = 5;
/** How long an answer that does not come is waited for by what stands between, in milliseconds. */
const SILENT_MS = 4_000;
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** The worker asks itself what it may do before it serves; reviews are what the others write for the most part. */
const SPARES_REVIEWS = 'worker';
const FAULTS = ['limited', 'broken', 'silent'] as const;

/** One process as the weather has it. */
interface Met {
  name: string;
  isBad: boolean;
  writes: number;
  injected: number;
}

function faultOf(met: Met, { method = 'GET', url = '' }: IncomingMessage): (typeof FAULTS)[number] | null {
  if (!met.isBad || READS.has(method) || (met.name === SPARES_REVIEWS && url.endsWith('reviews'))) return null;
  // The first one too: some processes write seldom.
  if (met.writes++ % EVERY !== 0) return null;
  return FAULTS[met.injected++ % FAULTS.length] ?? null;
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
    // A watch is answered long before its first event.
    response.flushHeaders();
    answered.pipe(response);
    answered.on('error', () => response.destroy());
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => {
    if (!isSilent) outgoing.destroy();
  });
  incoming.pipe(outgoing);
}

const tls = { cert: pem('tls.crt'), key: pem('tls.key') };
const all = await Promise.all(
  places.map(async (place) => {
    const [name = '', port = ''] = place.split('=');
    const met: Met = { name, isBad: false, writes: 0, injected: 0 };
    const server = createServer(tls, (incoming, response) => {
      const fault = faultOf(met, incoming);
      if (fault === 'limited') answer(response, 429, 'TooManyRequests');
      else if (fault === 'broken') answer(response, 500, 'InternalError');
      else passOn(incoming, response, fault === 'silent');
    });
    await new Promise<void>((listening) => server.listen(Number(port), '127.0.0.1', listening));
    return met;
  }),
);
console.log('ready');

createInterface({ input: process.stdin }).on('line', (line) => {
  const names = line.split(' ');
  for (const met of all) {
    const isBad = names.includes(met.name);
    Object.assign(met, { isBad, writes: isBad && met.isBad ? met.writes : 0 });
  }
  console.log(JSON.stringify(Object.fromEntries(all.map(({ name, injected }) => [name, injected]))));
});
