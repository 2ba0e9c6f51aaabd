import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const MAIN = path.resolve(import.meta.dirname, '../dist/main.js');
const run = (command: string, env: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)('sh', ['-c', command, 'sh', process.execPath, MAIN], { env: { ...process.env, ...env } });

describe('sccctl as a process', () => {
  it('says nothing when the reader of its pipe has left', async () => {
    await expect(run('"$1" "$2" --help | true')).resolves.toEqual({ stdout: '', stderr: '' });
  }, 30_000);

  it('names a variable that it cannot use, without a stack', async () => {
    const refused: unknown = await run('exec "$1" "$2" --help', { TEMPORAL_TLS: 'perhaps' }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/^error: .*\n {2}TEMPORAL_TLS: .*\n$/) as unknown,
    });
  }, 30_000);
});
