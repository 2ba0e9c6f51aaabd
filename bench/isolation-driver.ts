import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { constants, setPriority } from 'node:os';
import { argv, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { drive, reviewIn, reviewTargetOf } from './reviews.js';

/**
 * Runs inside the network of a stack. `reviews`: for each line on standard input, drives the webhook for a turn and
 * writes what it measured as a line. `api`: keeps the API busy from as many connections as it is told, until it is ended.
 */
const [kind, caFile = '', ...rest] = argv.slice(2);
const ca = await readFile(caFile, 'utf8');

async function driveReviews([port = '', namespace = '']: string[]): Promise<void> {
  const target = reviewTargetOf(Number(port), ca);
  const body = reviewIn(namespace);
  for await (const line of createInterface({ input: process.stdin })) {
    const { forMs } = z.object({ forMs: z.number() }).parse(JSON.parse(line));
    stdout.write(`${JSON.stringify(await drive(target, forMs, body))}\n`);
  }
}

async function keepBusy([port = '', tokenFile = '', connections = '']: string[]): Promise<void> {
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const agent = new Agent({ keepAlive: true, maxSockets: Number(connections), ca });
  const ask = (path: string): Promise<number> =>
    new Promise((resolve) => {
      const headers = { authorization: `Bearer ${token}` };
      const outgoing = request({ host: '127.0.0.1', port: Number(port), path, agent, headers }, (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      });
      outgoing.once('error', () => resolve(0));
      outgoing.end();
    });
  const paths = ['/v1/pods?limit=100', '/v1/migrations?limit=100', '/v1/policies', '/v1/audit/entries?limit=100'];
  const counts = { answered: 0, other: 0 };
  setInterval(() => stdout.write(`${JSON.stringify(counts)}\n`), 1000);
  await Promise.all(
    Array.from({ length: Number(connections) }, async (_none, at) => {
      for (let turn = at; ; turn += 1) {
        const status = await ask(paths[turn % paths.length] ?? '');
        if (status === 200) counts.answered += 1;
        else counts.other += 1;
      }
    }),
  );
}

// On a cluster neither would share its processors with the webhook: the one must not starve it, the other must see it.
if (kind === 'api') setPriority(constants.priority.PRIORITY_LOW);
await (kind === 'api' ? keepBusy(rest) : driveReviews(rest));
