import { writeFile } from 'node:fs/promises';
import { migrationDetailSchema, migrationSummarySchema } from '@scc/governance-api';
import { PHASES, shareText, strategyWords } from '@scc/plan';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { publicKeyOf } from './audit/evidence.js';
import { CliError, EXIT } from './exit.js';
import { fields, table, timeBetween } from './output.js';
import { checkProof, readProof, type ProofVerdict } from './proof-check.js';
import type { Run, Session } from './session.js';

interface ListOptions {
  namespace?: string;
  phase?: string;
  limit: string;
}

async function list(session: Session, { namespace, phase, limit }: ListOptions): Promise<undefined> {
  const rest = session.governance();
  const items = await rest.list(
    migrationSummarySchema,
    { path: '/v1/migrations', query: { namespace, phase } },
    Number(limit),
  );
  session.output.show(items, () =>
    table(
      ['namespace', 'name', 'phase', 'from', 'to', 'weight', 'author', 'started', 'uid'],
      items.map((one) => [
        one.namespace,
        one.name,
        one.phase,
        one.sourceSCC ?? '-',
        one.targetSCC ?? '-',
        shareText(one),
        one.author ?? '-',
        one.startedAt,
        one.uid,
      ]),
    ),
  );
  return undefined;
}

/** The uid of a migration that is named by it, or by its plan; of several plans of a name the newest. */
export async function uidOf(session: Session, named: string, namespace: string | undefined): Promise<string> {
  const items = await session
    .governance()
    .list(migrationSummarySchema, { path: '/v1/migrations', query: { namespace } }, 5_000);
  const found = items.find(({ uid }) => uid === named) ?? items.find(({ name }) => name === named);
  if (found) return found.uid;
  throw new CliError(
    `governance knows no migration ${named}${namespace === undefined ? '' : ` in the namespace ${namespace}`}`,
    'List them with: sccctl migrations list',
  );
}

async function show(session: Session, named: string, namespace: string | undefined): Promise<undefined> {
  const uid = await uidOf(session, named, namespace);
  const path = `/v1/migrations/${encodeURIComponent(uid)}`;
  const one = await session.governance().ask(migrationDetailSchema, { method: 'GET', path });
  session.output.show(one, () =>
    [
      fields([
        ['migration', `${one.namespace}/${one.name} (${one.uid})`],
        ['workload', one.workload && `${one.workload.kind} ${one.workload.name}`],
        ['from', one.sourceSCC],
        ['to', one.targetSCC],
        ['strategy', one.strategy && `${one.strategy}: ${strategyWords(one.strategy)}`],
        ['author', one.author],
        ['phase', one.phase],
        ['message', one.message],
        ['waits for', one.waitingFor],
        ['requests', one.traffic && `${one.traffic.requests}, ${one.traffic.failed} failed`],
        ['started', one.startedAt],
        ['finished', one.finishedAt],
      ]),
      table(
        ['pod', 'role', 'scc'],
        one.pods.map(({ name, role, scc }) => [name, role, scc ?? '-']),
      ),
      table(
        ['gate', 'verdict', 'detail'],
        one.gates.map(({ gate, verdict, detail }) => [gate, verdict, detail]),
      ),
    ].join('\n\n'),
  );
  return undefined;
}

interface ProofOptions {
  namespace?: string;
  out?: string;
  file?: string;
  key?: string;
}

async function proof(session: Session, named: string | undefined, options: ProofOptions): Promise<number> {
  if ((named === undefined) === (options.file === undefined))
    throw new CliError('name a migration, or a document with --file', null, EXIT.usage);
  const document: unknown =
    named === undefined
      ? await readProof(options.file ?? '')
      : await session.governance().ask(z.unknown(), {
          method: 'GET',
          path: `/v1/migrations/${encodeURIComponent(await uidOf(session, named, options.namespace))}/proof`,
        });
  const verdict = checkProof(document, options.key === undefined ? null : await publicKeyOf(options.key));
  if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify(document, null, 2)}\n`);
  session.output.show({ verdict, ...(options.out === undefined ? { proof: document } : {}) }, () => textOf(verdict));
  if (verdict.problems.length > 0) return EXIT.tampered;
  // Anybody can sign a document with a key of their own: without the right one nothing is proved.
  return verdict.signedBy === null ? EXIT.incomplete : EXIT.ok;
}

const textOf = ({ plan, outcome, signedBy, entries, pods, stableSide, late, problems }: ProofVerdict): string =>
  [
    fields([
      ['migration', plan],
      ['outcome', outcome],
      ['signed by', signedBy ?? 'not checked: no --key that signed it was given'],
      ['audit entries', `${entries.proved} proved, ${entries.unsealed} not sealed yet`],
      ['pods', pods],
      ['stable side', stableSide ?? 'not looked at'],
      ...late.map(({ what, from, to }): [string, string] => ['noticed late', `${what}: ${timeBetween(from, to)}`]),
      ['verdict', verdictOf(problems, signedBy)],
    ]),
    ...problems.map((problem) => `  ${problem}`),
  ].join('\n');

function verdictOf(problems: readonly string[], signedBy: string | null): string {
  if (problems.length > 0) return 'INVALID';
  return signedBy === null ? 'not checked: give the key of the audit log with --key' : 'valid';
}

/** `sccctl migrations …` */
export function migrationsCommand(run: Run): Command {
  const migrations = new Command('migrations').description('what governance knows of migrations');
  migrations
    .command('list')
    .description('migrations, the newest first')
    .option('-n, --namespace <namespace>')
    .addOption(new Option('--phase <phase>').choices(PHASES))
    .option('--limit <number>', 'how many', '50')
    .action((options: ListOptions) => run((session) => list(session, options)));
  migrations
    .command('show')
    .description('one migration with its pods and gates')
    .argument('<migration>', 'the name or the uid of its plan')
    .option('-n, --namespace <namespace>')
    .action((named: string, { namespace }: { namespace?: string }) =>
      run((session) => show(session, named, namespace)),
    );
  migrations
    .command('proof')
    .description('fetch the signed document about a migration and check it; exit code 2 when it is not valid')
    .argument('[migration]', 'the name or the uid of its plan')
    .option('-n, --namespace <namespace>')
    .option('--out <file>', 'keep the document')
    .option('--file <file>', 'check a document that was kept instead; needs no network')
    .option('--key <key>', 'the public key of the audit log (NAME+KEYID+BASE64, or its file)')
    .action((named: string | undefined, options: ProofOptions) => run((session) => proof(session, named, options)));
  return migrations;
}
