import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../src/paths.js';
import { demoReportSchema, type DemoReport } from '../../src/demo/result.js';
import { SCENARIOS } from '../../src/demo/scenarios.js';

const MINUTE_MS = 60_000;
let folder: string;
let exitCode: number | null;
let output = '';
let report: DemoReport;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-demo-'));
  const json = path.join(folder, 'demo.json');
  const demo = spawn('npm', ['run', 'demo', '--', '--json', json], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    // The test runner's own flags are not meant for the demo.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  demo.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  demo.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  exitCode = await new Promise((resolve) => demo.once('close', resolve));
  if (exitCode !== 0) console.error(output);
  report = demoReportSchema.parse(JSON.parse(await readFile(json, 'utf8')));
}, 15 * MINUTE_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('npm run demo', () => {
  it('ends well, and says so', () => {
    expect(exitCode).toBe(0);
    expect(output).toContain('requests failed, and nothing was left behind.');
  });

  // Files have owners of their own only where root started the stack; the demo says which scenario it leaves out.
  const played = SCENARIOS.filter(({ needsOwners = false }) => !needsOwners || process.getuid?.() === 0);
  it.each(played)('plays scenario $id: $title', ({ id, outcome, changes }) => {
    const result = report.scenarios.find((one) => one.id === id);
    expect(result).toMatchObject({ outcome, failed: 0, leftovers: [], writes: { lost: 0 }, damaged: [] });
    expect(result?.writes.acknowledged).toBeGreaterThan(0);
    expect(result?.requests).toBeGreaterThan(3000);
    expect(result?.differences.length ?? 0).toBeLessThanOrEqual(changes.length);
    if (outcome === 'Completed') expect(Object.keys(result?.podsBySCC ?? {})).toEqual(['restricted-v2']);
    else expect(Object.keys(result?.podsBySCC ?? {})).not.toContain('restricted-v2');
  });
});
