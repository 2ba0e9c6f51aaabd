import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { REPORT_SECTIONS, signedReportSchema } from '@scc/audit';
import { messageOf } from '@scc/runtime';
import { Command } from 'commander';
import { publicKeyOf } from '../audit/evidence.js';
import { recordsOf } from '../audit/verify.js';
import { CliError, EXIT } from '../exit.js';
import { fields, table } from '../output.js';
import type { Run, Session } from '../session.js';
import { checkAgainstLog, checkReport, reportIn, type ReportVerdict } from './check.js';
import { jsonTextOf, mapHash, readMap, type ReportFile } from './file.js';
import { reportPageOf } from './page.js';
import { rowsOfSection, SECTIONS, sectionsOf } from './sections.js';

interface MakeOptions {
  from?: string;
  to?: string;
  namespace?: string;
  map?: string;
  out?: string;
  html?: string;
  key?: string;
}

/** @returns the exit code: 2 when the report is not valid, 3 when it was not checked with a key. */
async function make(session: Session, { from, to, namespace, map, out, html, key }: MakeOptions): Promise<number> {
  if (from === undefined)
    throw new CliError('--from is missing', 'Name a day or a time: --from 2026-01-01', EXIT.usage);
  const controls = map === undefined ? null : await readMap(map);
  const query = {
    ...{ from: instant('--from', from), to: to === undefined ? undefined : instant('--to', to), namespace },
    map: mapHash(controls) ?? undefined,
  };
  const signed = await session.governance().ask(signedReportSchema, { method: 'GET', path: '/v1/reports', query });
  const file: ReportFile = { ...signed, controls };
  const verdict = checkReport(file, key === undefined ? null : await publicKeyOf(key));
  if (out !== undefined) await writeFile(out, jsonTextOf(file), { mode: 0o600 });
  if (html !== undefined) await writeFile(html, reportPageOf(file), { mode: 0o600 });
  const isKept = out !== undefined || html !== undefined;
  session.output.show(isKept ? { verdict } : { verdict, report: file }, () =>
    isKept ? textOf(verdict) : `${tablesOf(file)}\n\n${textOf(verdict)}`,
  );
  return codeOf(verdict);
}

/** A day is its first moment in UTC. */
function instant(option: string, value: string): string {
  const time = Date.parse(value);
  if (Number.isNaN(time))
    throw new CliError(`${option}: ${value} is no time`, 'Write 2026-01-31 or 2026-01-31T12:00:00Z.', EXIT.usage);
  return new Date(time).toISOString();
}

interface VerifyOptions {
  key?: string;
  export?: string;
}

async function verify(session: Session, name: string, options: VerifyOptions): Promise<number> {
  const { file, problems } = reportIn(await readText(name));
  const key = options.key === undefined ? null : await publicKeyOf(options.key);
  const alone = checkReport(file, key);
  const log =
    options.export === undefined
      ? { log: null, problems: [] }
      : await checkAgainstLog(file, recordsOf(createReadStream(options.export)), key === null ? [] : [key]);
  const all = [...problems, ...alone.problems, ...log.problems];
  const verdict = { ...alone, log: log.log, signedBy: all.length === 0 ? alone.signedBy : null, problems: all };
  session.output.show(verdict, () => textOf(verdict));
  return codeOf(verdict);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(messageOf(error));
  }
}

function codeOf({ problems, signedBy, log }: ReportVerdict): number {
  if (problems.length > 0) return EXIT.tampered;
  return signedBy === null || log === 'incomplete' ? EXIT.incomplete : EXIT.ok;
}

const tablesOf = (file: ReportFile): string =>
  sectionsOf(file)
    .map((section) => {
      const { title, none, columns } = SECTIONS[section];
      // Ids of entries are for the file; a terminal has no room for them.
      const rows = rowsOfSection(file, section).map((row) => row.slice(0, -1));
      const header = columns.slice(0, -1).map(([name]) => name);
      return `${title}\n${rows.length === 0 ? none : table(header, rows)}`;
    })
    .join('\n\n');

const textOf = ({ period, signedBy, claims, entries, log, problems }: ReportVerdict): string =>
  [
    fields([
      ['period', `${period.from} to ${period.to}`],
      ...REPORT_SECTIONS.map((section): [string, string] => [
        SECTIONS[section].title,
        claims[section] === null ? 'not in reports of its time' : String(claims[section]),
      ]),
      ['signed by', signedBy ?? 'not checked: no --key that signed it was given'],
      ['audit entries', `${entries.proved} proved, ${entries.unsealed} not sealed yet`],
      ['the whole log', log ?? 'not looked at: no --export of it was given'],
      ['verdict', verdictOf(problems, signedBy)],
    ]),
    ...problems.map((problem) => `  ${problem}`),
  ].join('\n');

function verdictOf(problems: readonly string[], signedBy: string | null): string {
  if (problems.length > 0) return 'INVALID';
  return signedBy === null ? 'not checked: give the key of the audit log with --key' : 'valid';
}

/** `sccctl report …` */
export function reportCommand(run: Run): Command {
  const report = new Command('report')
    .description('what the audit log says about a period, signed, with the entries that show it')
    .option('--from <time>', 'RFC 3339 or a day, inclusive')
    .option('--to <time>', 'exclusive; now when absent')
    .option('-n, --namespace <namespace>', 'only what lies there')
    .option('--map <file>', 'which sections speak about which controls, such as deploy/report-maps/cis-openshift.yaml')
    .option('--out <file>', 'write it as JSON')
    .option('--html <file>', 'write it as one page that needs nothing beside itself')
    .option('--key <key>', 'the public key of the audit log (NAME+KEYID+BASE64, or its file)')
    .action((options: MakeOptions) => run((session) => make(session, options)));
  report
    .command('verify')
    .description('check a report without a network; exit code 2 when it is not valid, 3 without --key')
    .argument('<file>', 'JSON or HTML, as sccctl report wrote it')
    .option('--key <key>', 'the public key of the audit log (NAME+KEYID+BASE64, or its file)')
    .option('--export <file>', 'an export of the log (sccctl audit export): verify it, and that nothing was left out')
    .action((file: string, _options: VerifyOptions, command: Command) =>
      run((session) => verify(session, file, command.optsWithGlobals())),
    );
  return report;
}
