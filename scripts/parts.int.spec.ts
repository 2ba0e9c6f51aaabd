import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './parts.js';

describe('a part that has written its result', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'scc-parts-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('fails and is ended when something that it started keeps it alive', async () => {
    const resultFile = path.join(folder, 'result.json');
    const script = `const fs = require('node:fs'); fs.writeFileSync(process.argv[1], '{}');
      fs.utimesSync(process.argv[1], new Date(0), new Date(0)); setInterval(() => {}, 1000);`;
    const part = { name: 'lingering', command: 'node', args: ['-e', script, resultFile], resultFile };
    expect(await run(part)).toBe(false);
  });

  it('passes when it ends by itself', async () => {
    const resultFile = path.join(folder, 'result.json');
    const script = `require('node:fs').writeFileSync(process.argv[1], '{}')`;
    expect(await run({ name: 'ending', command: 'node', args: ['-e', script, resultFile], resultFile })).toBe(true);
  });
});

it('keeps all that a part prints in its file while it runs', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'scc-parts-'));
  const logFile = path.join(folder, 'part.log');
  // It ends once it reads in the file what it printed before.
  const script = `const { readFileSync } = require('node:fs'); console.log('one'); console.error('two');
    setInterval(() => { if (/one[^]*two|two[^]*one/.test(readFileSync(process.argv[1], 'utf8'))) process.exit(3); }, 50);`;
  expect(await run({ name: 'printing', command: 'node', args: ['-e', script, logFile], logFile })).toBe(false);
  expect((await readFile(logFile, 'utf8')).trim().split('\n').sort()).toEqual(['one', 'two']);
  await rm(folder, { recursive: true });
});
