import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HAPROXY_MISSING, hasHaproxy } from './find.js';
import { startRouter } from './start.js';

const described = hasHaproxy() ? describe : describe.skip;
described(`a router whose stack ended before it${hasHaproxy() ? '' : `: ${HAPROXY_MISSING}`}`, () => {
  it('is stopped at once', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'scc-router-'));
    const children: ChildProcess[] = [];
    // A process that says that it serves stands for the router's own.
    const serves = "process.send('ready'); setInterval(() => undefined, 1000)";
    const router = await startRouter({
      stateDir,
      kubeconfig: { inside: '' },
      spawn: (_command, _args, options = {}) => {
        const child = spawn(process.execPath, ['-e', serves], options);
        children.push(child);
        return child;
      },
    });
    const [child] = children;
    child?.kill('SIGKILL');
    if (child) await once(child, 'exit');
    await expect(router?.stop()).resolves.toBeUndefined();
    await rm(stateDir, { recursive: true });
  });
});
