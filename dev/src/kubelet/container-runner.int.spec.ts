import { execFileSync } from 'node:child_process';
import { Agent, get } from 'node:http';
import { createServer, type Server as NetServer } from 'node:net';
import { waitFor } from '@scc/runtime';
import { imageOf } from './behaviour.js';
import { ContainerRunner } from './container-runner.js';
import { aPod } from './pod.fixture.js';
import { servedContainer } from './served.js';
import { Serving } from './serving.js';

const IP = '127.0.0.77';
const PORT = 18_080;
const url = `http://${IP}:${PORT}/`;

let serving: Serving;
let agent: Agent;
const runners: ContainerRunner[] = [];

beforeAll(() => {
  serving = new Serving();
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});
afterEach(async () => {
  for (const runner of runners.splice(0)) runner.destroy();
  // The thread that serves hears of it a moment later.
  await waitFor(() => listen().then(close), { timeoutMs: 10_000, what: 'the address to be free' });
});
afterAll(async () => {
  agent.destroy();
  await serving.stop();
});

/** Takes the address of the container. @throws Error when it is taken already */
const listen = (): Promise<NetServer> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(PORT, IP, () => resolve(server));
  });
const close = (server: NetServer): Promise<true> => new Promise((resolve) => server.close(() => resolve(true)));

/** A container as the kubelet runs it; resolves when its pod would be ready. */
async function run(container: object = {}, metadata: object = {}): Promise<ContainerRunner> {
  const runner = start(container, metadata);
  await waitFor(() => runner.view.ready, { timeoutMs: 10_000, what: 'the container to be ready' });
  return runner;
}

function start(container: object = {}, metadata: object = {}): ContainerRunner {
  const made = aPod({}, { ports: [{ containerPort: PORT }], ...container }, metadata);
  const image = imageOf(made.container.image);
  const runnable = image && servedContainer(made.pod, made.container, { image, ip: IP, serving });
  const runner = new ContainerRunner(made.pod, made.container, { ip: IP, runnable, changed: () => undefined });
  runners.push(runner);
  void runner.run();
  return runner;
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
}
/** Sends one request. With `expect` the server says when the request has reached it. */
function request(headers: Record<string, string> = {}): { arrived: Promise<void>; answer: Promise<Answer> } {
  const outgoing = get(url, { agent, headers });
  const arrived = new Promise<void>((resolve) => outgoing.once('continue', resolve));
  const answer = new Promise<Answer>((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    });
  });
  return { arrived, answer };
}
const ask = (): Promise<Answer> => request().answer;
const EXPECT = { expect: '100-continue' };

describe('a container', () => {
  it('answers with its name, its SCC and its uid', async () => {
    await run({}, { name: 'ledger-7', annotations: { 'openshift.io/scc': 'anyuid' } });
    expect(await ask()).toMatchObject({
      status: 200,
      headers: { 'x-pod': 'ledger-7', 'x-scc': 'anyuid', 'x-uid': '0' },
    });
  });

  it('answers while the kubelet is busy with something else', async () => {
    await run();
    // The call blocks this thread, which is the kubelet here, until the answer has come.
    const status = execFileSync('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '5', url]);
    expect(status.toString()).toBe('200');
  });

  it('serves on after SIGTERM, asks its clients to go, and ends within its drain time', async () => {
    const runner = await run({ env: [{ name: 'DRAIN_SECONDS', value: '2' }] });
    expect((await ask()).headers['connection']).toBe('keep-alive');
    const stopped = runner.stop(10_000);
    await waitFor(async () => (await ask()).headers['connection'] === 'close', { timeoutMs: 5000, what: 'the drain' });
    await stopped;
    await expect(ask()).rejects.toThrow('ECONNREFUSED');
    await waitFor(() => 'terminated' in runner.view.state, { timeoutMs: 5000, what: 'the end' });
    expect(runner.view.state).toMatchObject({ terminated: { exitCode: 0, reason: 'Completed' } });
  });

  it('answers what is under way before it ends', async () => {
    const env = [
      { name: 'DRAIN_SECONDS', value: '0' },
      { name: 'LATENCY_MS', value: '500' },
    ];
    const runner = await run({ env });
    const { arrived, answer } = request(EXPECT);
    await arrived;
    await runner.stop(10_000);
    expect((await answer).status).toBe(200);
  });

  it('is killed when its grace is over', async () => {
    const env = [
      { name: 'DRAIN_SECONDS', value: '0' },
      { name: 'LATENCY_MS', value: '60000' },
    ];
    const runner = await run({ env });
    const { arrived, answer } = request(EXPECT);
    const lost = expect(answer).rejects.toThrow();
    await arrived;
    await runner.stop(200);
    await lost;
  });

  it('comes back at its address after it was ended because memory ran out', async () => {
    const runner = await run({ image: 'scc.poc/leaks:1', env: [{ name: 'LEAK_SECONDS', value: '0.3' }] });
    await waitFor(() => runner.view.restartCount === 1 && runner.view.ready, { timeoutMs: 10_000, what: 'a restart' });
    expect(runner.view.lastState).toMatchObject({ terminated: { exitCode: 137, reason: 'OOMKilled' } });
  });

  describe('whose port is taken', () => {
    let other: NetServer;
    beforeEach(async () => {
      other = await listen();
    });
    afterEach(() => close(other));

    it('ends with the reason, and is started again later', async () => {
      const runner = start();
      await waitFor(() => 'waiting' in runner.view.state && runner.view.lastState, {
        timeoutMs: 5000,
        what: 'a crash',
      });
      expect(runner.view.state).toMatchObject({ waiting: { reason: 'CrashLoopBackOff' } });
      expect(JSON.stringify(runner.view.lastState)).toContain('EADDRINUSE');
    });
  });
});
