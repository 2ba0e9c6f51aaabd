/** Runs commands a few at a time; says how each ended and how long it took, and shows the output of what failed. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './packages.ts';

const bin = path.join(root, 'node_modules', '.bin');

export interface CommandPart {
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Shows what the part prints as it comes; otherwise it is kept and shown only when the part fails. */
  inherit?: boolean;
  /** Keeps what the part prints in this file. */
  logFile?: string;
}

/** @returns whether it ended with code 0 */
export async function run({ name, command, args, env, inherit = false, logFile }: CommandPart): Promise<boolean> {
  const startedMs = Date.now();
  const child = spawn(command, args, {
    cwd: root,
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`, ...env },
  });
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<string | number | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (exitCode, signal) => resolve(signal ?? exitCode));
  });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const ok = code === 0;
  if (logFile !== undefined) await writeFile(logFile, Buffer.concat(output));
  else if (!ok && output.length > 0) process.stdout.write(`\n${Buffer.concat(output).toString()}\n`);
  const detail = ok ? '' : `  (${code ?? 'no exit code'})`;
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(12)} ${seconds.padStart(6)} s${detail}`);
  return ok;
}

/** The names of the parts that failed. */
export async function runAll(parts: readonly CommandPart[], atOnce: number): Promise<string[]> {
  const waiting = [...parts];
  const failed: string[] = [];
  const work = async (): Promise<void> => {
    for (let part = waiting.shift(); part; part = waiting.shift()) if (!(await run(part))) failed.push(part.name);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return failed;
}
