import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KubeError } from '@scc/kube';
import { createLogger, waitFor } from '@scc/runtime';
import { memoryLimits } from '../supervisor/memory.js';
import { ContainerRunner } from './container-runner.js';
import type { Execution } from './execution.js';
import { aPod } from './pod.fixture.js';
import { ProcessPod } from './process.js';
import type { Program } from './program.js';
import { WorkloadContainers } from './workloads.js';

const isRoot = process.getuid?.() === 0;
/** An image without files of its own that runs its argument as a shell script. */
const SHELL: Program = {
  uid: 65532,
  entrypoint: ['sh', '-c'],
  env: { PATH: '/usr/bin:/bin' },
  workingDir: '/',
  folders: {},
  files: {},
};
const FOREVER = 'while :; do sleep 0.05; done';

let stateDir: string;
const pods: ProcessPod[] = [];
beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'scc-process-'));
  await mkdir(path.join(stateDir, 'logs'));
});
afterEach(async () => {
  for (const pod of pods.splice(0)) pod.stop();
  await rm(stateDir, { recursive: true });
});

const OBJECTS: Record<string, unknown> = {
  '/api/v1/namespaces/shop/secrets/audit': { data: { key: Buffer.from('ed25519').toString('base64') } },
};
const api = {
  get: (url: string): Promise<unknown> =>
    url in OBJECTS
      ? Promise.resolve(OBJECTS[url])
      : Promise.reject(new KubeError(404, { message: url, reason: 'NotFound' })),
  create: (): Promise<unknown> => Promise.reject(new KubeError(404, { message: 'no tokens here', reason: 'NotFound' })),
  list: () =>
    Promise.resolve({
      items: [{ metadata: { name: 'governance', namespace: 'scc-system' }, spec: { clusterIP: '10.96.0.7' } }],
      resourceVersion: '1',
    }),
};

function runnableOf(script: string, container: object = {}, spec: object = {}) {
  const made = aPod(spec, { args: [script], ...container });
  const pod = new ProcessPod(made.pod, {
    api,
    stateDir,
    place: { ip: '10.244.1.2', hostIp: '10.244.1.1' },
    apiServer: { host: '127.0.0.1', port: 6443 },
    logger: createLogger('process-test', 'silent'),
    // Root may mount; others may in a user namespace, which the stack has around everything.
    ...(isRoot
      ? {}
      : {
          placed: (command: string, args: readonly string[]) => ({
            command: 'unshare',
            args: ['--user', '--map-current-user', '--keep-caps', command, ...args],
          }),
        }),
  });
  pods.push(pod);
  return { ...made, runnable: pod.runnable(made.container, SHELL) };
}

async function start(script: string, container: object = {}, spec: object = {}): Promise<Execution> {
  const { runnable } = runnableOf(script, container, spec);
  await runnable.prepare();
  return runnable.start();
}
const log = (): Promise<string> => readFile(path.join(stateDir, 'logs', 'app.log'), 'utf8').catch(() => '');
const says = (text: string): Promise<unknown> =>
  waitFor(async () => (await log()).includes(text), { timeoutMs: 20_000, what: `the container to say ${text}` });

describe('a container that is a process', () => {
  it('sees its image, its volumes, its names and its environment, and writes only where it may', async () => {
    const script = `
      echo "key $(cat /etc/scc/audit/key) as $NAME at $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"
      grep -o '10.96.0.7 .*' /etc/hosts
      touch /written /etc/scc/audit/written 2>&1
      touch /tmp/written && echo "tmp is writable"
      ls -d ${stateDir} 2>&1`;
    const execution = await start(
      script,
      {
        env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        securityContext: { readOnlyRootFilesystem: true },
        volumeMounts: [
          { name: 'tmp', mountPath: '/tmp' },
          { name: 'audit', mountPath: '/etc/scc/audit', readOnly: true },
        ],
      },
      {
        volumes: [
          { name: 'tmp', emptyDir: {} },
          { name: 'audit', secret: { secretName: 'audit' } },
        ],
      },
    );
    await execution.ended;
    const said = await log();
    expect(said).toContain('key ed25519 as ledger-1 at 127.0.0.1:6443');
    expect(said).toContain('10.96.0.7 governance.scc-system.svc.cluster.local governance.scc-system.svc');
    expect(said.match(/Read-only file system/g)).toHaveLength(2);
    expect(said).toContain('tmp is writable');
    expect(said).toContain(`cannot access '${stateDir}'`);
  });

  it('runs as the user that its pod names where the stack is started by root, in group 0 and without capabilities', async () => {
    const spec = { securityContext: { runAsUser: 1_000_690_000 } };
    const execution = await start('echo "$(id -u):$(id -g)"; grep CapEff /proc/self/status', {}, spec);
    await execution.ended;
    const own = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
    expect(await log()).toContain(isRoot ? '1000690000:0\n' : `${own}\n`);
    expect(await log()).toMatch(/CapEff:\s0{16}/);
  });

  it.each([
    [
      'has the capabilities of a container unless it drops them',
      {},
      isRoot ? /CapEff:\s0{8}[0-9a-f]*[1-9a-f]/ : /CapEff:\s0{16}/,
    ],
    ['has none that it drops', { capabilities: { drop: ['ALL'] } }, /CapEff:\s0{16}/],
  ])('that is root %s', async (_case, securityContext, expected) => {
    const execution = await start('grep CapEff /proc/self/status', {
      securityContext: { runAsUser: 0, ...securityContext },
    });
    await execution.ended;
    expect(await log()).toMatch(expected);
  });

  it('ends by SIGTERM with its own exit code', async () => {
    const execution = await start(`trap 'echo bye; exit 3' TERM; echo up; ${FOREVER}`);
    await says('up');
    await execution.stop(20_000);
    expect(await execution.ended).toEqual({ exitCode: 3, reason: 'Error' });
    expect(await log()).toContain('bye');
  });

  it('is killed when its grace is over', async () => {
    const execution = await start(`trap '' TERM; echo up; ${FOREVER}`);
    await says('up');
    await execution.stop(100);
    expect(await execution.ended).toMatchObject({ exitCode: 137 });
  });

  it('is ended when it takes more memory than its limit, where memory can be limited, and started again', async () => {
    const limits = await memoryLimits();
    // Elsewhere it would take the machine's.
    const script = typeof limits === 'string' ? 'exit 137' : 'exec tail /dev/zero';
    const limited = { resources: { limits: { memory: '32Mi' } } };
    const { pod, container, runnable } = runnableOf(script, limited);
    const runner = new ContainerRunner(pod, container, { ip: '127.0.0.1', runnable, changed: () => undefined });
    const running = runner.run();
    try {
      await waitFor(() => runner.view.restartCount === 1, { timeoutMs: 30_000, what: 'the restart' });
      const reason = typeof limits === 'string' ? 'Error' : 'OOMKilled';
      expect(runner.view.lastState).toMatchObject({ terminated: { exitCode: 137, reason } });
    } finally {
      runner.destroy();
      await running;
    }
  });

  it('takes its children with it where memory can be limited, and leaves no group of processes', async () => {
    const limits = await memoryLimits();
    const limited = { resources: { limits: { memory: '64Mi' } } };
    const child = typeof limits === 'string' ? '' : `(trap '' TERM; ${FOREVER}) &`;
    const execution = await start(`${child} exit 0`, limited);
    await execution.ended;
    const groups = typeof limits === 'string' ? [] : await readdir(limits.folder);
    expect(groups.filter((name) => name.includes(path.basename(stateDir)))).toEqual([]);
  });

  it('waits and says for what while a Secret is missing', async () => {
    const volumes = [{ name: 'late', secret: { secretName: 'late' } }];
    const { runnable } = runnableOf('true', {}, { volumes });
    await expect(runnable.prepare()).rejects.toThrow('secret late was not found');
  });

  it('leaves no files when its pod is removed', async () => {
    const execution = await start('true', {}, { volumes: [{ name: 'tmp', emptyDir: {} }] });
    await execution.ended;
    await stat(path.join(stateDir, 'pods', 'u1'));
    await pods[0]?.remove();
    await expect(stat(path.join(stateDir, 'pods', 'u1'))).rejects.toThrow('ENOENT');
  });
});

describe('a part that is held', () => {
  it('stays down after a kill until it is released, and a crash of its own is told and mended', async () => {
    const crashes: string[] = [];
    const workloads = new WorkloadContainers((name, { exitCode }) => crashes.push(`${name} ${exitCode}`));
    const { pod, container, runnable } = runnableOf(`echo up; ${FOREVER}`);
    const hold = {
      isHeld: () => workloads.isHeld('a'),
      released: () => workloads.released('a'),
      crashed: workloads.crashed,
    };
    const runner = new ContainerRunner(pod, container, { ip: '127.0.0.1', runnable, hold, changed: () => undefined });
    const running = runner.run();
    const runs = (): Promise<unknown> =>
      waitFor(() => runner.view.ready && runner.execution, { timeoutMs: 20_000, what: 'the container to run' });
    await runs();
    workloads.hold('a');
    runner.execution?.kill();
    await waitFor(() => 'waiting' in runner.view.state && runner.view.state.waiting.reason === 'Held', {
      ...{ timeoutMs: 20_000, what: 'the container to be held' },
    });
    expect(runner.execution).toBeUndefined();
    expect(crashes).toEqual([]);
    workloads.release('a');
    await runs();
    expect(runner.view.restartCount).toBe(1);
    runner.execution?.signal('SIGKILL');
    await waitFor(() => runner.view.restartCount === 2, { timeoutMs: 20_000, what: 'the restart' });
    expect(crashes).toEqual(['app 137']);
    await runs();
    runner.destroy();
    await running;
  });
});
