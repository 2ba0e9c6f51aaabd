/** Runs commands a few at a time; says how each ended and how long it took, and shows the output of what failed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
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
  /** The part's last deed is to write this file: whether it still runs a while later says what it left running. */
  resultFile?: string;
}

/** How long a part may still run after it has written its result, in milliseconds. */
const LAST_WORDS_MS = 60_000;

/** @returns whether it ended with code 0; a part that its leftovers keep alive after its result is ended, and has failed */
export async function run(part: CommandPart): Promise<boolean> {
  const { name, command, args, env, inherit = false, logFile, resultFile } = part;
  const startedMs = Date.now();
  const child = spawn(command, args, {
    cwd: root,
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`, ...env },
  });
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const lingering = endLingering(child, resultFile);
  const code = await endOf(child);
  clearInterval(lingering);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const ok = code === 0;
  if (logFile !== undefined) await writeFile(logFile, Buffer.concat(output));
  else if (!ok && output.length > 0) process.stdout.write(`\n${Buffer.concat(output).toString()}\n`);
  const detail = ok ? '' : `  (${code ?? 'no exit code'})`;
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(12)} ${seconds.padStart(6)} s${detail}`);
  return ok;
}

/** How a process ended: its exit code, the signal, or why it could not start. */
function endOf(child: ChildProcess): Promise<string | number | null> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (exitCode, signal) => resolve(signal ?? exitCode));
  });
}

/** Ends a process that still runs when its result is older than its last words may take. */
function endLingering(child: ChildProcess, resultFile: string | undefined): NodeJS.Timeout | undefined {
  if (resultFile === undefined) return undefined;
  return setInterval(() => {
    const written = statSync(resultFile, { throwIfNoEntry: false });
    if (!written || Date.now() - written.mtimeMs < LAST_WORDS_MS) return;
    console.log(`its result is written, but something that it started keeps it from ending: ended`);
    child.kill('SIGKILL');
  }, 1000);
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
