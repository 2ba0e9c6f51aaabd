/** Runs commands a few at a time; says how each ended and how long it took, and shows the output of what failed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, statSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { root } from './packages.ts';

const bin = path.join(root, 'node_modules', '.bin');

export interface CommandPart {
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Shows what the part prints as it comes; otherwise it is kept and shown only when the part fails. */
  inherit?: boolean;
  /** What the part prints goes into this file, and its last line on the screen every few seconds. */
  logFile?: string;
  /** The part's last deed is to write this file: whether it still runs a while later says what it left running. */
  resultFile?: string;
}

/** How long a part may still run after it has written its result, in milliseconds. */
const LAST_WORDS_MS = 60_000;

/** How often a part that writes a file says on the screen what it does, in milliseconds. */
const BEAT_MS = 15_000;
const LINE_LENGTH = 100;

interface Heard {
  /** What was printed and is kept nowhere else. */
  output: () => string;
  /** Once nothing more comes. */
  end: () => Promise<void>;
}

function hear(child: ChildProcess): Heard {
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { output: () => Buffer.concat(chunks).toString(), end: () => Promise.resolve() };
}

/** All goes into the file as it comes; the last line is shown now and then. */
function keep(child: ChildProcess, logFile: string, shown: (line: string) => void): Heard {
  const log = createWriteStream(logFile);
  const last = { line: '' };
  const heard = (chunk: Buffer): void => {
    log.write(chunk);
    const lines = stripVTControlCharacters(chunk.toString()).split(/[\r\n]+/);
    last.line = lines.findLast((line) => line.trim() !== '') ?? last.line;
  };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', heard);
  const beat = setInterval(() => shown(last.line.trim().slice(0, LINE_LENGTH)), BEAT_MS);
  const end = async (): Promise<void> => {
    clearInterval(beat);
    await new Promise((resolve) => log.end(resolve));
  };
  return { output: () => '', end };
}

/** @returns whether it ended with code 0; a part that its leftovers keep alive after its result is ended, and has failed */
export async function run(part: CommandPart): Promise<boolean> {
  const { name, command, args, env, inherit = false, logFile, resultFile } = part;
  const startedMs = Date.now();
  const child = spawn(command, args, {
    cwd: root,
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`, ...env },
  });
  const secondsNow = (): string => `${((Date.now() - startedMs) / 1000).toFixed(1).padStart(6)} s`;
  const heard = logFile
    ? keep(child, logFile, (line) => console.log(`        ${name.padEnd(12)} ${secondsNow()}  ${line}`))
    : hear(child);
  const lingering = endLingering(child, resultFile);
  const code = await endOf(child);
  clearInterval(lingering);
  await heard.end();
  const ok = code === 0;
  const output = heard.output();
  if (!ok && output !== '') process.stdout.write(`\n${output}\n`);
  const detail = ok ? '' : `  (${code ?? 'no exit code'})`;
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(12)} ${secondsNow()}${detail}`);
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
