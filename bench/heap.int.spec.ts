import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aPod, podReview } from '@scc/admission/testing';
import { post, type ReviewTarget, reviewIn, reviewTargetOf } from './reviews.js';

/** Within the heap that docs/WEBHOOK.md recommends, what a user may send at most ends no process. */

const root = path.resolve(import.meta.dirname, '..');
let options: string[];
let child: ChildProcess;
let webhook: ReviewTarget;

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: root });
  const manual = await readFile(path.join(root, 'docs/WEBHOOK.md'), 'utf8');
  options = /NODE_OPTIONS="(--[^"]+)"/.exec(manual)?.[1]?.split(' ') ?? [];
  child = fork(path.join(root, 'bench/dist/webhook-server.js'), ['webhook'], { execArgv: options });
  const [{ port, ca }] = (await once(child, 'message')) as [{ port: number; ca: string }];
  webhook = reviewTargetOf(port, ca);
}, 60_000);
afterAll(() => {
  webhook.agent.destroy();
  child.kill();
});

const containers = (count: number, over: (at: number) => object) =>
  Array.from({ length: count }, (_none, at) => ({ name: `c${at}`, image: 'i', ...over(at) }));
const PODS: [string, object[]][] = [
  ['host ports', containers(400, (at) => ({ ports: [{ containerPort: 80, hostPort: 8000 + at }] }))],
  ['capabilities', containers(400, () => ({ securityContext: { capabilities: { add: ['NET_ADMIN', 'SYS_TIME'] } } }))],
  ['users', containers(400, (at) => ({ securityContext: { runAsUser: at } }))],
];

describe('the webhook', () => {
  it.each(PODS)(
    'answers pods of 400 containers with %s, and an ordinary pod after them',
    async (_what, list) => {
      const body = Buffer.from(JSON.stringify(podReview(aPod({ spec: { containers: list } }))));
      for (let round = 0; round < 5; round += 1)
        expect(await Promise.all(Array.from({ length: 8 }, () => post(webhook, body)))).not.toContain(false);
      expect(await post(webhook, reviewIn('shop'))).toBe(true);
      expect(child.exitCode).toBeNull();
    },
    60_000,
  );
});

describe('a process of that heap', () => {
  /** Runs a module from the folder of the benches; its output. @throws Error when the process ends otherwise */
  const run = async (module: string): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [...options, '--input-type=module', '-e', module], {
      cwd: import.meta.dirname,
    });
    return stdout.trim();
  };

  it('finds the remedy of a template of 250 containers, 30 kB', async () => {
    const remedied = await run(`
      import { compileSCCs, defaultSCCs, remediate } from '@scc/scc';
      const sccs = compileSCCs(defaultSCCs());
      const containers = Array.from({ length: 250 }, (_none, at) => ({
        name: 'c' + at,
        ports: [{ containerPort: 80, hostPort: 8000 + at }],
        securityContext: { runAsUser: 0, privileged: true, capabilities: { add: ['NET_ADMIN', 'SYS_TIME'] } },
      }));
      const namespace = { name: 'shop', annotations: { 'openshift.io/sa.scc.uid-range': '1000650000/10000' } };
      const origin = { namespace, name: 'web', kind: 'Deployment', sccs };
      for (let round = 0; round < 5; round += 1)
        console.log(typeof remediate({ spec: { containers } }, sccs.byName.get('restricted-v2'), origin));`);
    expect(remedied.split('\n')).toEqual(Array.from({ length: 5 }, () => 'object'));
  }, 60_000);

  it('ends rules of many seconds, 3 kB each, at their deadline', async () => {
    const ended = await run(`
      import { POLICY_MODULE, policyDocumentSchema } from '@scc/policy';
      import { DeadlineThreads } from '@scc/runtime';
      const text = Array.from({ length: 40 }, () => 'params.text').join(' + ');
      const when = '!params.item.all(p, params.item.all(q, !(' + text + ').contains(p + "b")))';
      const document = policyDocumentSchema.parse({
        name: 'bomb',
        parameters: {
          item: { type: 'strings', default: Array.from({ length: 100 }, (_none, at) => String(at)) },
          text: { type: 'string', default: 'a'.repeat(1000) },
        },
        rules: Array.from({ length: 20 }, (_none, at) => ({ name: 'rule-' + at, when, verdict: 'deny', message: 'm', remedy: 'r' })),
      });
      const threads = new DeadlineThreads({ name: 'spec', module: POLICY_MODULE, deadlineMs: 500 });
      const asked = [{ document, parameters: {} }];
      for (let round = 0; round < 3; round += 1)
        await threads.call('evaluateEach', asked, [], {}).then(() => console.log('answered'), ({ name }) => console.log(name));
      await threads.close();`);
    expect(ended.split('\n')).toEqual(Array.from({ length: 3 }, () => 'DeadlineExceeded'));
  }, 60_000);
});
