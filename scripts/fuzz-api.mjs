/**
 * Fuzzes every route of the governance API from its own OpenAPI document, with schemathesis, against the real service
 * on a PostgreSQL of its own. Fails on a 5xx, an answer that is not as documented, and nonsense that is accepted.
 *
 *   npm run fuzz:api -- [--examples 50] [--seed 1] [--only PATH-REGEX]
 *
 * schemathesis is installed once, with its version pinned, into ~/.cache/stateful-scc-orchestrator (needs Python 3.10+).
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';

const VERSION = '4.32.5';
const { values: options } = parseArgs({
  options: {
    examples: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
/**
 * A body may fit its schema and still be refused: a policy whose expression can not be used, an expiry in the past.
 * Access is tested by route, role and namespace in apps/governance/src/access; an address that sends many bad tokens is
 * answered with 429 instead of the 401 that the fuzzer wants.
 */
const EXCLUDED = ['positive_data_acceptance', 'object_level_authorization', 'ignored_auth'];
const root = path.resolve(import.meta.dirname, '..');
const built = (file) => import(path.join(root, 'dist', 'apps', 'governance', 'src', file));

async function schemathesis() {
  const folder = path.join(homedir(), '.cache', 'stateful-scc-orchestrator', `schemathesis-${VERSION}`);
  const program = path.join(folder, 'bin', 'schemathesis');
  if (existsSync(program)) return program;
  console.log(`installing schemathesis ${VERSION}`);
  await mkdir(path.dirname(folder), { recursive: true });
  await promisify(execFile)('python3', ['-m', 'venv', folder]);
  await promisify(execFile)(path.join(folder, 'bin', 'pip'), ['install', '--quiet', `schemathesis==${VERSION}`]);
  return program;
}

/** Objects that exist, so that requests get further than "no such object". */
async function fill(test, fixture) {
  const workload = fixture.ownWorkload('fuzzed');
  const request = fixture.aRequest({
    ...workload,
    uid: 'plan-1',
    spec: { ...workload.spec, approval: { required: true } },
  });
  const expectOk = ({ status, body }) => {
    if (status >= 300) throw new Error(`the service could not be filled: ${JSON.stringify(body)}`);
    return body;
  };
  const engine = 'worker/engine';
  expectOk(await test.call(engine, 'POST', '/v1/migrations/plan-1/evaluations', { body: request }));
  const events = fixture.recorded(fixture.completedEvents);
  expectOk(await test.call(engine, 'POST', '/v1/migrations/plan-1/events', { body: fixture.aBatch(request, events) }));
}

const fixture = await built('migrations/domain.fixture.js');
const { startTestApi } = await built('http/api.fixture.js');
const program = await schemathesis();
const database = await fixture.domainDatabase();
const test = await startTestApi(database.app);
try {
  await fill(test, fixture);
  const child = spawn(
    program,
    [
      ...['run', `${test.url}/v1/openapi.json`, '--checks', 'all', '--exclude-checks', EXCLUDED.join(',')],
      ...['--max-examples', options.examples, '--seed', options.seed, '--workers', '1', '--continue-on-failure'],
      ...['--request-timeout', '20', '--warnings', 'off', '--suppress-health-check', 'all'],
      ...['--header', 'Authorization: Bearer fuzz/admin/engine/policy-author/approver/auditor'],
      ...(options.only === undefined ? [] : ['--include-path-regex', options.only]),
    ],
    { stdio: 'inherit', env: { ...process.env, SCHEMATHESIS_HOOKS: path.join(root, 'scripts', 'fuzz-hooks.py') } },
  );
  process.exitCode = await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
} finally {
  await test.close();
  await database.close();
}
