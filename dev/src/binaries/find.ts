import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build, copyCrds, removeScratch, requireTools } from './build.js';
import { CATALOGUE, CRD_FILES, crdFileNameOf, fileNameOf, variableOf, type Binary } from './catalogue.js';
import { withLock } from './lock.js';

const run = promisify(execFile);
const AT_ONCE = 2;
const REPORT_MS = 10_000;

/** Where the stack's programs are: paths by name, and the files of CRDs. */
export interface Found {
  binaries: Record<string, string>;
  crds: string[];
}

export interface FindOptions {
  /** The folder that keeps what was built. */
  cache: string;
  environment: NodeJS.ProcessEnv;
  catalogue: readonly Binary[];
  /** Told, line by line, what is built, how far it is and how long it takes. */
  progress: (line: string) => void;
}

/** The cache that all stacks of this user share. */
export const defaultCache = (environment: NodeJS.ProcessEnv): string =>
  environment['SCC_DEV_CACHE'] ?? path.join(homedir(), '.cache', 'stateful-scc-orchestrator', 'bin');

/**
 * Finds every binary: an explicit path from the environment, else PATH when the version is the pinned one, else the
 * cache, else it is built into the cache. Parallel first runs wait for each other instead of building twice.
 * @throws MissingTool when Go or Python is needed and absent.
 */
export async function findBinaries(progress: (line: string) => void): Promise<Found> {
  const environment = process.env;
  return find({ cache: defaultCache(environment), environment, catalogue: CATALOGUE, progress });
}

export async function find(options: FindOptions): Promise<Found> {
  const { cache, catalogue, environment, progress } = options;
  const before = await lookUp(options);
  const crdFiles = needsCrds(catalogue)
    ? CRD_FILES.map((file) => ({
        file,
        place: environment[variableOf(file.name)] ?? path.join(cache, crdFileNameOf(file)),
      }))
    : [];
  const crds = crdFiles.map(({ place }) => place);
  const lackingCrds = async () => {
    const looked = await Promise.all(crdFiles.map(async (one) => ((await exists(one.place)) ? [] : [one.file])));
    return looked.flat();
  };
  if (catalogue.every(({ name }) => before.has(name)) && (await lackingCrds()).length === 0)
    return { binaries: Object.fromEntries(before), crds };

  await mkdir(cache, { recursive: true });
  const waiting = (): void => progress('another start builds the local stack, waiting for it');
  return withLock(path.join(cache, '.lock'), waiting, async () => {
    await removeScratch(cache);
    const found = await lookUp(options);
    const missing = catalogue.filter(({ name }) => !found.has(name));
    const lacking = await lackingCrds();
    await requireTools(
      missing.map(({ source }) => source),
      lacking.length > 0,
    );
    await buildAll(missing, cache, progress);
    for (const binary of missing) found.set(binary.name, path.join(cache, fileNameOf(binary)));
    for (const file of lacking) await copyCrds(file, cache);
    return { binaries: Object.fromEntries(found), crds };
  });
}

const needsCrds = (catalogue: readonly Binary[]): boolean => catalogue.some(({ name }) => name === 'istiod');

const exists = (file: string, mode: number = constants.R_OK): Promise<boolean> =>
  access(file, mode).then(
    () => true,
    () => false,
  );

async function lookUp({ cache, catalogue, environment }: FindOptions): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await Promise.all(
    catalogue.map(async (binary) => {
      const variable = variableOf(binary.name);
      const explicit = environment[variable];
      if (explicit !== undefined && explicit !== '') {
        if (!(await exists(explicit, constants.X_OK)))
          throw new Error(`${variable} names ${explicit}, which cannot be run`);
        found.set(binary.name, explicit);
        return;
      }
      const cached = path.join(cache, fileNameOf(binary));
      const place =
        (await onPath(binary, environment)) ?? ((await exists(cached, constants.X_OK)) ? cached : undefined);
      if (place !== undefined) found.set(binary.name, place);
    }),
  );
  return found;
}

/** The binary on PATH when its version is the pinned one. */
async function onPath(binary: Binary, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (!binary.onPath) return undefined;
  for (const folder of (environment['PATH'] ?? '').split(path.delimiter)) {
    const candidate = path.join(folder, binary.name);
    if (!path.isAbsolute(candidate) || !(await exists(candidate, constants.X_OK))) continue;
    const output = await run(candidate, binary.onPath.args, { timeout: 10_000 })
      .then(({ stdout, stderr }) => stdout + stderr)
      .catch(() => '');
    return binary.onPath.expected.test(output) ? candidate : undefined;
  }
  return undefined;
}

/** A duration as a person says it: `45 s`, `3 min 10 s`. */
export function spoken(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Two builds at once fill two cores; those of one Go module share packages, so they follow each other. The first that
 * fails ends the others, so that nothing is built behind the message or without the lock.
 */
async function buildAll(missing: readonly Binary[], folder: string, progress: (line: string) => void): Promise<void> {
  if (missing.length === 0) return;
  const total = missing.reduce((sum, { usualSeconds }) => sum + usualSeconds, 0);
  progress(
    `building ${missing.length} binaries for the local stack, once; usually ${spoken(total / AT_ONCE)} to ${spoken(total)} on 2 cores`,
  );
  const groups = groupsOf(missing);
  let done = 0;
  const ending = new AbortController();
  const work = async (): Promise<void> => {
    for (let group = groups.shift(); group; group = groups.shift())
      for (const binary of group) {
        ending.signal.throwIfAborted();
        await reported(binary, folder, progress, ending.signal);
        done++;
        progress(`${binary.name} is built (${done} of ${missing.length})`);
      }
  };
  const failures: unknown[] = [];
  const failed = (error: unknown): void => {
    failures.push(error);
    ending.abort();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => work().catch(failed)));
  if (failures.length > 0) throw failures[0];
}

/** The work of one Go module, the longest first. */
export function groupsOf(missing: readonly Binary[]): Binary[][] {
  const groups = new Map<string, Binary[]>();
  for (const binary of missing) {
    const key = binary.source.kind === 'go' ? binary.source.module : binary.name;
    groups.set(key, [...(groups.get(key) ?? []), binary]);
  }
  const seconds = (group: Binary[]): number => group.reduce((sum, { usualSeconds }) => sum + usualSeconds, 0);
  return [...groups.values()].sort((a, b) => seconds(b) - seconds(a));
}

async function reported(
  binary: Binary,
  folder: string,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  progress(`building ${fileNameOf(binary)}, usually ${spoken(binary.usualSeconds)}`);
  const timer = setInterval(() => {
    const soFar = (performance.now() - started) / 1000;
    progress(`building ${fileNameOf(binary)}, ${spoken(soFar)} of usually ${spoken(binary.usualSeconds)}`);
  }, REPORT_MS);
  try {
    await build(binary, folder, signal);
  } finally {
    clearInterval(timer);
  }
}
