/** Runs commands a few at a time; says how each ended and how long it took, and shows the output of what failed. */
import { spawn } from 'node:child_process';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules', '.bin');

/** `inherit` shows what a part prints as it comes; else it is kept and shown only when the part fails. */
export async function run({ name, command, args, env, inherit = false }) {
  const startedMs = Date.now();
  const child = spawn(command, args, {
    cwd: root,
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}`, ...env },
  });
  const output = [];
  child.stdout?.on('data', (chunk) => output.push(chunk));
  child.stderr?.on('data', (chunk) => output.push(chunk));
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (exitCode, signal) => resolve(signal ?? exitCode));
  });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const ok = code === 0;
  if (!ok && output.length) process.stdout.write(`\n${Buffer.concat(output).toString()}\n`);
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(12)} ${seconds.padStart(6)} s${ok ? '' : `  (${code})`}`);
  return ok;
}

/** The names of the parts that failed. */
export async function runAll(parts, atOnce) {
  const waiting = [...parts];
  const failed = [];
  const work = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) if (!(await run(part))) failed.push(part.name);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return failed;
}
