import type { CommandName } from '@scc/plan';
import { Command } from 'commander';
import type { Run } from '../session.js';
import type { DecideOptions } from './act.js';
import { lint, type LintOptions } from './lint.js';
import { status } from './status.js';

/** `sccctl plan …` */
export function planCommand(run: Run): Command {
  const plan = new Command('plan').description('check and follow migration plans');
  plan
    .command('lint')
    .description('check plans without a cluster; exit code 4 when one has violations')
    .argument('<file...>', 'YAML or JSON, - for standard input')
    .option('--workload <file>', 'the workload, to check the change of its template')
    .option('--sccs <file>', 'the SCCs of the cluster; the default ones when absent')
    .action((files: string[], options: LintOptions) => run((session) => lint(session, files, options)));
  plan
    .command('status')
    .description('where a migration is')
    .argument('<name>')
    .option('-n, --namespace <namespace>', 'where the plan is', 'default')
    .option('-w, --watch', 'follow it until it has ended; exit code 1 when it did not complete', false)
    .action((name: string, { namespace, watch }: { namespace: string; watch: boolean }) =>
      run((session) => status(session, { namespace, name, watch })),
    );
  return plan;
}

const VERBS = ['pause', 'resume', 'skip', 'abort', 'rollback', 'release'] as const satisfies CommandName[];

const DESCRIPTIONS: Record<(typeof VERBS)[number], string> = {
  pause: 'stop before the next step; traffic stays where it is',
  resume: 'go on; gates, approvals and freezes still apply',
  skip: 'pass the hold or gate that the migration waits at; needs --server',
  abort: 'end the migration and undo what it did',
  rollback: 'undo what the migration did',
  release: 'end a rollback that cannot finish, and leave undone what fails; needs --server',
};

/** Loaded when needed: the Temporal client takes most of a second. */
const acts = () => import('./act.js');

/** `sccctl approve`, `refuse`, and one command for each that a migration takes. */
export function actCommands(run: Run): Command[] {
  const decisions = (['approve', 'refuse'] as const).map((decision) => {
    const command = new Command(decision)
      .description(`${decision} what a plan would do, as it is now; never one's own plan`)
      .argument('<name>')
      .option('-n, --namespace <namespace>', 'where the plan is', 'default')
      .option('--reason <text>')
      .option('--role <role>', 'in which role; the first open one that you hold when absent')
      .option(
        '--content <hash>',
        'what you looked at, as approvals show names it; a plan that changed since is refused',
      )
      .option('--uid <uid>', 'of the plan: the cluster is then not asked')
      .action((name: string, options: Omit<DecideOptions, 'name'>) =>
        run(async (session) => (await acts()).decideApproval(session, decision, { name, ...options })),
      );
    return decision === 'approve'
      ? command.option('--lend <right...>', 'rights that the author lacks and you hold, in the words of the needs')
      : command;
  });
  const commands = VERBS.map((verb) =>
    new Command(verb)
      .description(DESCRIPTIONS[verb])
      .argument('<name>', 'of the plan')
      .option('-n, --namespace <namespace>', 'where the plan is', 'default')
      .option('--reason <text>')
      .option('--uid <uid>', 'of a plan that is gone')
      .action((name: string, options: { namespace: string; reason?: string; uid?: string }) =>
        run(async (session) => (await acts()).command(session, verb, { name, ...options })),
      ),
  );
  return [...decisions, ...commands];
}
