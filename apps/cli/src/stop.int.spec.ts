import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { StopAnswer } from '@scc/governance-api';
import { EXIT } from './exit.js';

/** `sccctl stop` as a process, before a governance that answers as a case says. */

const MAIN = path.resolve(import.meta.dirname, '../dist/main.js');
const ANSWER: StopAnswer = {
  ...{ id: '3', namespace: null, takeBack: true, reason: 'requests fail since ten', by: 'olga' },
  ...{ at: '2026-03-10T12:00:00.000Z', liftedBy: null, liftedAt: null, liftReason: null },
  migrations: [{ uid: 'u', namespace: 'shop', name: 'ledger', phase: 'Mirroring', did: 'takenBack' }],
  unreached: [],
};
const LOST = {
  ...{ uid: 'u', namespace: 'shop', name: 'ledger', workflowId: 'scc/shop/ledger/u' },
  reason: 'no workflow of this migration runs',
};

let answer = ANSWER;
let server: Server;
beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.close());

const stop = (...options: string[]): Promise<{ code: number; out: string }> =>
  new Promise((resolve) => {
    const { port } = server.address() as AddressInfo;
    const env = {
      ...process.env,
      GOVERNANCE_URL: `http://127.0.0.1:${port}`,
      GOVERNANCE_TOKEN: 'token',
      HOME: '/none',
    };
    const args = [MAIN, ...options, 'stop', '--all', '--take-back', '--reason', ANSWER.reason];
    execFile(process.execPath, args, { env }, (error, out) => resolve({ code: error ? Number(error.code) : 0, out }));
  });

it('says that all is well when every workflow was reached', async () => {
  answer = ANSWER;
  const { code, out } = await stop();
  expect(code).toBe(EXIT.ok);
  expect(out).toContain('is taken back');
  expect(out).not.toContain('NOT REACHED');
}, 30_000);

it('names each workflow that was not reached, and says so by its exit code', async () => {
  answer = { ...ANSWER, unreached: [LOST] };
  const { code, out } = await stop();
  expect(code).toBe(EXIT.unreached);
  expect(out).toMatch(/NOT REACHED: .*\n.*\nshop +ledger +scc\/shop\/ledger\/u +no workflow of this migration runs/);
  const data = await stop('-o', 'json');
  expect([data.code, JSON.parse(data.out)]).toEqual([EXIT.unreached, answer]);
}, 30_000);
