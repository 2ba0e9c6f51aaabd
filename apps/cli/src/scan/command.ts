import { readFile, writeFile } from 'node:fs/promises';
import { keepYoungSpaceSmall, messageOf, pause } from '@scc/runtime';
import {
  aimOf,
  CATEGORIES,
  type Category,
  type Collected,
  compareScans,
  imagesIn,
  type Inventory,
  inventoryOf,
  isCaptured,
  judgeWorkload,
  reportOf,
  type ScanReport,
  scanReportSchema,
  type ScanRow,
  withImages,
} from '@scc/scc/scan';
import { Command } from 'commander';
import { z } from 'zod';
import { CliError, EXIT } from '../exit.js';
import { count } from '../output.js';
import type { Run, Session } from '../session.js';
import { collectCluster } from './cluster.js';
import { csvOf } from './csv.js';
import { collectFiles } from './files.js';
import { htmlOf } from './html.js';
import { type ImageOptions, readImages } from './images.js';
import { changesText, scanText } from './text.js';
import { WATCH_SECONDS, watchScans } from './watch.js';
import { writeCampaign, writePatches, writePlans } from './write.js';

/** Where a scan's objects come from. */
export interface SourceOptions {
  filename: string[];
  namespace: string[];
  /** Also what Kubescape and the Security Profiles Operator recorded of containers. */
  profiles?: boolean;
}

interface ScanOptions extends SourceOptions, ImageOptions {
  target?: string;
  csv?: string;
  html?: string;
  plans?: string;
  campaign?: string;
  patches?: string;
  since?: string;
  /** Seconds between two looks; true: as usual. */
  watch?: string | true;
  failOn: string[];
}

/** What `--fail-on` may name beside the categories. */
const CONDITIONS: Readonly<Record<string, (report: ScanReport) => number>> = {
  Captured: ({ rows }) => rows.filter(isCaptured).length,
  Refused: ({ totals }) => totals.refusedAtNextRestart,
  Unreadable: ({ totals }) => totals.unreadable,
};
const FAIL_ON = [...CATEGORIES, ...Object.keys(CONDITIONS)];
/** After so many workloads a scan says where it is. */
const PROGRESS_EVERY = 1_000;

/** The objects of the cluster, or of files where any are named. */
export function collect(session: Session, { filename, namespace, profiles }: SourceOptions): Promise<Collected> {
  keepYoungSpaceSmall();
  if (filename.length > 0) return collectFiles(filename);
  return session.kube().then((kube) =>
    collectCluster(kube, namespace, {
      progress: (kind) => session.output.remark(`reading every ${kind}`),
      profiles: profiles === true,
    }),
  );
}

const within = (inventory: Inventory, { namespace }: SourceOptions): Inventory['workloads'] =>
  namespace.length === 0
    ? inventory.workloads
    : inventory.workloads.filter((workload) => namespace.includes(workload.namespace));

/** Judges what was collected. @throws CliError when there is no SCC `target` */
export async function judgeScan(
  session: Session,
  collected: Collected,
  options: SourceOptions & ImageOptions & { target?: string },
): Promise<ScanReport> {
  const read = inventoryOf(collected.objects, options.namespace[0]);
  const workloads = within(read, options);
  const inventory = withImages(read, await readImages(imagesIn(workloads), options));
  const aim = aimOf(inventory, options.target);
  if (!aim)
    throw new CliError(
      `--target: there is no SCC ${options.target ?? ''}`,
      `The SCCs are ${inventory.sccs.ordered.map(({ name }) => name).join(', ')}.`,
      EXIT.usage,
    );
  const unreadable = [...collected.unreadable, ...inventory.unreadable];
  const rows: ScanRow[] = [];
  for (const workload of workloads) {
    try {
      rows.push(judgeWorkload(workload, inventory, aim));
    } catch (error) {
      unreadable.push({ source: `${workload.kind} ${workload.namespace}/${workload.name}`, reason: messageOf(error) });
    }
    if (rows.length % PROGRESS_EVERY === 0) session.output.remark(`judged ${count(rows.length, 'workload')}`);
  }
  return reportOf({ ...inventory, unreadable }, aim, rows);
}

async function earlierScan(file: string): Promise<ScanReport> {
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(`--since: ${messageOf(error)}`);
  });
  const parsed = z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue('it is not JSON');
        return z.NEVER;
      }
    })
    .pipe(scanReportSchema)
    .safeParse(content);
  if (parsed.success) return parsed.data;
  throw new CliError(`--since: ${file} is not a scan`, 'Make it with `sccctl scan -o json > FILE`.', EXIT.usage);
}

const failuresOf = (report: ScanReport, failOn: readonly string[]): string[] =>
  failOn.flatMap((name) => {
    const number = CONDITIONS[name]?.(report) ?? report.totals.byCategory[name as Category];
    return number > 0 ? [`${name}: ${number}`] : [];
  });

/** Writes the files that were asked for. */
async function writeFiles({ output }: Session, options: ScanOptions, report: ScanReport): Promise<void> {
  if (options.csv !== undefined) await writeFile(options.csv, csvOf(report));
  if (options.html !== undefined) await writeFile(options.html, htmlOf(report));
  if (options.plans !== undefined)
    output.remark(`${count(await writePlans(options.plans, report), 'plan')} in ${options.plans}`);
  if (options.campaign !== undefined) {
    const moved = await writeCampaign(options.campaign, report, options.target ?? null);
    output.remark(`a campaign of ${count(moved, 'workload')} in ${options.campaign}`);
  }
  if (options.patches !== undefined)
    output.remark(`${count(await writePatches(options.patches, report), 'patch', 'patches')} in ${options.patches}`);
}

function checkOptions({ failOn, watch, filename, since }: ScanOptions): void {
  const unknown = failOn.filter((name) => !FAIL_ON.includes(name));
  if (unknown.length > 0)
    throw new CliError(`--fail-on: ${unknown.join(', ')} is unknown`, `Use ${FAIL_ON.join(', ')}.`, EXIT.usage);
  if (watch === undefined) return;
  if (filename.includes('-'))
    throw new CliError('--watch: standard input can be read only once', 'Name files, or a cluster.', EXIT.usage);
  if (since !== undefined || failOn.length > 0)
    throw new CliError('--watch: it ends with no verdict', 'Leave --since and --fail-on out.', EXIT.usage);
}

async function scanOnce(session: Session, options: ScanOptions): Promise<number> {
  const since = options.since === undefined ? undefined : await earlierScan(options.since);
  const report = await judgeScan(session, await collect(session, options), options);
  const { output } = session;
  await writeFiles(session, options, report);
  for (const one of report.assumed) output.remark(`assumed: ${one}`);
  if (since === undefined) output.show(report, () => scanText(report));
  else {
    const changes = compareScans(since, report);
    output.show(changes, () => changesText(changes));
  }
  const failures = failuresOf(report, options.failOn);
  if (failures.length > 0) output.remark(`--fail-on: ${failures.join(', ')}`);
  return failures.length > 0 ? EXIT.invalid : EXIT.ok;
}

/** Scans until the process is told to end: first everything, then what changed. */
async function scanAgain(session: Session, options: ScanOptions, seconds: number): Promise<number> {
  const { output } = session;
  const over = new AbortController();
  const end = (): void => over.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    await watchScans(
      {
        look: async () => await judgeScan(session, await collect(session, options), options),
        show: async (report, changes) => {
          await writeFiles(session, options, report);
          if (changes === null) output.show(report, () => scanText(report));
          else if (changes.length > 0) {
            const at = new Date().toISOString();
            output.show({ at, changes }, () => `\n${at}\n${changesText(changes)}`);
          }
        },
        failed: (reason) => output.remark(`${new Date().toISOString()} could not look: ${reason}`),
        wait: (ms) => pause(ms, over.signal),
        now: () => performance.now(),
        isOver: () => over.signal.aborted,
      },
      seconds * 1000,
    );
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
  return EXIT.ok;
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= WATCH_SECONDS.least) return seconds;
  throw new CliError(
    `--watch: ${text} is no number of seconds`,
    `Write ${WATCH_SECONDS.least} or more; without a number it is ${WATCH_SECONDS.default}.`,
    EXIT.usage,
  );
}

async function run(session: Session, options: ScanOptions): Promise<number> {
  checkOptions(options);
  const { watch } = options;
  if (watch === undefined) return scanOnce(session, options);
  return scanAgain(session, options, watch === true ? WATCH_SECONDS.default : secondsOf(watch));
}

/** NAME,NAME of an option that may be given again. */
export const withListed = (value: string, before: string[] = []): string[] => [...before, ...value.split(',')];

/** `sccctl scan` */
export const scanCommand = (go: Run): Command =>
  new Command('scan')
    .description('which SCC every workload runs under, which stricter one it could, and what stands in the way')
    .option(
      '-f, --filename <path>',
      'files, folders or a must-gather instead of the cluster; - reads standard input',
      withListed,
      [],
    )
    .option('-n, --namespace <name>', 'only these namespaces', withListed, [])
    .option('--target <scc>', 'the SCC that is strict enough (default: restricted-v2)')
    .option(
      '--images <hosts>',
      'also ask these registries, without credentials, what images say of themselves',
      withListed,
    )
    .option('--images-ca <file>', 'the authority by which those registries are trusted, instead of the usual ones')
    .option(
      '--profiles',
      'also read what Kubescape and the Security Profiles Operator recorded of containers, where they are installed',
    )
    .option('--csv <file>', 'also write the rows as CSV')
    .option('--html <file>', 'also write one page with charts and filters')
    .option('--plans <folder>', 'also write a plan for each workload that a plan can move')
    .option('--campaign <file>', 'also write one campaign of all workloads that a plan can move')
    .option('--patches <folder>', 'also write a kustomize patch for each workload that needs one')
    .option(
      '--watch [seconds]',
      `scan again after so many seconds, ${WATCH_SECONDS.default} unless said otherwise, and print what changed`,
    )
    .option('--since <file>', 'print what changed since a scan that was kept with -o json')
    .option(
      '--fail-on <names>',
      `end with code ${EXIT.invalid} when there are any: ${FAIL_ON.join(', ')}`,
      withListed,
      [],
    )
    .action((options: ScanOptions) => go((session) => run(session, options)));
