/**
 * Fuzzes every route of the governance API from its own OpenAPI document, with schemathesis, against the real service
 * on a PostgreSQL of its own. Fails on a 5xx, an answer that is not as documented, nonsense that is accepted, sense that
 * is refused, and a route that works without its token; fuzz-api.toml has what differs from the tool's defaults.
 *
 *   npm run fuzz:api -- [--examples 50] [--seed 1] [--only PATH-REGEX] [--junit FILE]
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  aBatch,
  aRequest,
  completedEvents,
  domainDatabase,
  ownWorkload,
  recorded,
  startTestApi,
} from '@scc/governance/testing';
import { root } from './packages.ts';
import { MissingPython, schemathesis, type Tool } from './schemathesis.ts';

const { values: options } = parseArgs({
  options: {
    examples: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    junit: { type: 'string' },
  },
});
type TestApi = Awaited<ReturnType<typeof startTestApi>>;

/** Far beyond what a run takes: what hangs must not hold a pipeline. 500 examples have hours. */
const GIVE_UP_MS = Math.max(30 * 60_000, Number(options.examples) * 30_000);

/** Objects that exist, so that requests get further than "no such object". */
async function fill(test: TestApi): Promise<void> {
  const workload = ownWorkload('fuzzed');
  const request = aRequest({
    ...workload,
    uid: 'plan-1',
    spec: { ...workload.spec, approval: { required: true } },
  });
  const expectOk = ({ status, body }: { status: number; body: unknown }): void => {
    if (status >= 300) throw new Error(`the service could not be filled: ${JSON.stringify(body)}`);
  };
  const engine = 'worker/engine';
  expectOk(await test.call(engine, 'POST', '/v1/migrations/plan-1/evaluations', { body: request }));
  const events = recorded(completedEvents);
  expectOk(await test.call(engine, 'POST', '/v1/migrations/plan-1/events', { body: aBatch(request, events) }));
}

/** @returns the exit code */
function fuzz(tool: Tool, url: string): Promise<number> {
  const child = spawn(
    tool.command,
    [
      ...[...tool.args, '--config-file', path.join(root, 'scripts', 'fuzz-api.toml'), 'run', `${url}/v1/openapi.json`],
      ...['--max-examples', options.examples, '--seed', options.seed, '--workers', '1', '--continue-on-failure'],
      // Nothing is carried over from an earlier run.
      ...['--generation-database', 'none'],
      ...['--request-timeout', '20', '--warnings', 'off', '--suppress-health-check', 'all'],
      ...['--header', 'Authorization: Bearer fuzz/admin/engine/policy-author/approver/auditor'],
      ...(options.only === undefined ? [] : ['--include-path-regex', options.only]),
      ...(options.junit === undefined ? [] : ['--report', 'junit', '--report-junit-path', options.junit]),
    ],
    {
      stdio: 'inherit',
      timeout: GIVE_UP_MS,
      env: { ...process.env, ...tool.env, SCHEMATHESIS_HOOKS: path.join(root, 'scripts', 'fuzz-hooks.py') },
    },
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function main(): Promise<number> {
  const tool = await schemathesis((line) => console.log(line));
  const database = await domainDatabase();
  // Every route is tried without its token, and with a wrong one.
  const test = await startTestApi(database.app, { failureBurst: 1_000_000 });
  try {
    await fill(test);
    return await fuzz(tool, test.url);
  } finally {
    await test.close();
    await database.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof MissingPython ? error.message : error);
  process.exitCode = 1;
}
