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

  it('gives bash the words that may follow, at each place', async () => {
    const script = `source <("$1" "$2" completion bash)
      follow() { COMP_WORDS=(sccctl "$@"); COMP_CWORD=$#; _sccctl; echo "\${COMPREPLY[*]}"; }
      follow pl; follow plan ""; follow -o json plan lint --s`;
    const env = { ...process.env };
    const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', process.execPath, MAIN], { env });
    const [first, second, third] = stdout.trim().split('\n');
    expect(first).toBe('plan');
    expect(second).toMatch(/^lint status .*--kubeconfig/);
    expect(third?.split(' ').toSorted()).toEqual(['--sccs', '--server', '--service-account']);
  }, 30_000);

  it('says its version without a cluster', async () => {
    const { stdout } = await run('exec "$1" "$2" -o json version --client');
    expect(JSON.parse(stdout)).toEqual({
      sccctl: expect.stringMatching(/^\d+\.\d+/) as unknown,
      node: process.version,
    });
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
