import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@scc/runtime';
import { Generator } from './generator.js';
import { loadOptionsSchema } from './protocol.js';

let server: Server;
let answer = true;
let fails = false;
let held: (() => void)[] = [];

beforeEach(async () => {
  answer = true;
  fails = false;
  held = [];
  server = createServer((_request, response) => {
    if (fails) {
      response.writeHead(503).end(`no healthy upstream${'.'.repeat(1000)}`);
      return;
    }
    const send = (): void => void response.writeHead(200, { 'x-pod': 'p1', 'x-scc': 'anyuid' }).end('ok');
    if (answer) send();
    else held.push(send);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const generator = (timeoutMs: number): Generator => {
  const { port } = server.address() as AddressInfo;
  const entrance = { host: '127.0.0.1', port };
  const streams = [{ name: 's', via: 'ingress' as const, host: 'x', rate: 200 }];
  return new Generator(loadOptionsSchema.parse({ streams, timeoutMs }), {
    ...{ ingress: entrance, sidecar: entrance, router: entrance, service: entrance },
  });
};

describe('Generator', () => {
  it('goes on sending while the server stalls, and counts the wait in every latency', async () => {
    answer = false;
    const load = generator(5000);
    load.start();
    await waitFor(() => held.length >= 40, { timeoutMs: 5000, what: '40 requests at a server that does not answer' });
    answer = true;
    for (const send of held) send();
    await load.stop();
    const { total } = load.records.summarize({ open: load.open, worstLagMs: 0 });
    expect(total.failed).toBe(0);
    expect(total.requests).toBeGreaterThanOrEqual(40);
    // The first was due about 200 ms before the 40th: at 200 requests a second, 5 ms apart.
    expect(total.maxMs).toBeGreaterThan(150);
  });

  it('counts what was never answered as failed', async () => {
    answer = false;
    const load = generator(300);
    load.start();
    await waitFor(() => held.length >= 5, { timeoutMs: 5000, what: 'requests at a server that does not answer' });
    await load.stop();
    const { total, open } = load.records.summarize({ open: load.open, worstLagMs: 0 });
    expect(open).toBe(0);
    expect(total.requests).toBeGreaterThanOrEqual(5);
    expect(total.failed).toBe(total.requests);
  });

  it('keeps the first words of a server that failed', async () => {
    fails = true;
    const load = generator(1000);
    load.start();
    await waitFor(() => load.records.all.length > 3, { timeoutMs: 5000, what: 'answers' });
    await load.stop();
    const { failures } = load.records.summarize({ open: load.open, worstLagMs: 0 });
    expect(failures[0]).toMatchObject({ status: 503, said: expect.stringMatching(/^no healthy upstream/) as unknown });
    expect(failures[0]?.said?.length).toBeLessThanOrEqual(200);
  });

  it('records who answered', async () => {
    const load = generator(1000);
    load.start();
    await waitFor(() => load.records.all.length > 3, { timeoutMs: 5000, what: 'answers' });
    await load.stop();
    expect(load.records.all[0]).toMatchObject({ status: 200, error: null, pod: 'p1', scc: 'anyuid', stream: 's' });
  });
});
