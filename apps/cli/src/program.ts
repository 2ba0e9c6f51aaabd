import { GovernanceError } from '@scc/governance-api';
import { isForbidden, KubeError, KubeUnreachable } from '@scc/kube';
import { messageOf } from '@scc/runtime';
import { Command, CommanderError, Option } from 'commander';
import { approvalsCommand } from './approvals.js';
import { auditCommand } from './audit/commands.js';
import { campaignCommand } from './campaign/commands.js';
import { clusterCheckCommand } from './check/command.js';
import type { Environment } from './config.js';
import { CliError, EXIT } from './exit.js';
import { explainCommand } from './explain.js';
import { gatherCommand } from './gather/command.js';
import { getCommand } from './tree/command.js';
import { listCommand } from './list.js';
import { logsCommand } from './logs.js';
import { migrationsCommand } from './migrations.js';
import { actCommands, planCommand } from './plan/commands.js';
import { notificationsCommand } from './notifications.js';
import { podsCommand } from './pods.js';
import { policiesCommand } from './policies/command.js';
import { recommendCommand } from './recommend.js';
import { reportCommand } from './report/command.js';
import { scanCommand } from './scan/command.js';
import { scansCommand } from './scan/kept.js';
import { simulateCommand } from './scan/simulate.js';
import { completionCommand } from './completion.js';
import { versionCommand } from './version.js';
import { type Run, Session, type Settings } from './session.js';
import { stopCommand } from './stop.js';
import { webhookCommand } from './webhook/commands.js';
import { workloadCommand } from './workload.js';

/** The same for every command. */
function globalOptions(program: Command, env: Environment): Command {
  return program
    .addOption(
      new Option('-o, --output <format>', 'how results are printed')
        .choices(['table', 'wide', 'json'])
        .default('table'),
    )
    .option('--kubeconfig <file>', 'KUBECONFIG, else ~/.kube/config', env.KUBECONFIG)
    .option('--context <name>', 'of the kubeconfig; its current one when absent')
    .option('--as <user>', 'ask the API server in the name of this user, as kubectl --as does')
    .option('--as-group <group...>', 'and of these groups')
    .option('--server <url>', 'governance (GOVERNANCE_URL)', env.GOVERNANCE_URL)
    .option('--ca <file>', 'the authority of its certificate, as PEM (GOVERNANCE_CA_FILE)', env.GOVERNANCE_CA_FILE)
    .option('--token <token>', 'who you are (GOVERNANCE_TOKEN); others can see it in the list of processes')
    .option('--token-file <file>', 'the file that holds it (GOVERNANCE_TOKEN_FILE)', env.GOVERNANCE_TOKEN_FILE)
    .option('--service-account <namespace/name>', 'ask the cluster for a token of this ServiceAccount instead')
    .option('--audience <name>', 'what that token is meant for', 'scc-governance')
    .option(
      '--temporal <host:port>',
      'Temporal (TEMPORAL_ADDRESS), for pause, resume, skip, abort and rollback',
      env.TEMPORAL_ADDRESS,
    )
    .option('--temporal-namespace <name>', 'TEMPORAL_NAMESPACE', env.TEMPORAL_NAMESPACE);
}

/** Why the command failed, as people read it, and what to do. */
function explain(error: unknown): { message: string; remedy: string | null; exitCode: number } {
  if (error instanceof CliError) return error;
  if (error instanceof GovernanceError) return { ...explainRefusal(error), exitCode: EXIT.failed };
  const message = messageOf(error);
  if (error instanceof KubeUnreachable)
    return {
      message: `the API server does not answer: ${message}`,
      remedy: 'Check --kubeconfig.',
      exitCode: EXIT.failed,
    };
  if (error instanceof KubeError) {
    const remedy = isForbidden(error) ? 'Ask for the permission, or use another --kubeconfig.' : null;
    return { message: `the API server refused: ${message}`, remedy, exitCode: EXIT.failed };
  }
  return { message, remedy: null, exitCode: EXIT.failed };
}

function explainRefusal(error: GovernanceError): { message: string; remedy: string | null } {
  const id = error.requestId === null ? '' : ` (request ${error.requestId})`;
  const message = `governance refused: ${error.message}${id}`;
  if (error.status === 401)
    return { message, remedy: 'Pass a token that governance accepts: --token-file, --service-account.' };
  if (error.status === 403) return { message, remedy: 'Ask an admin for a role that may do this.' };
  return { message, remedy: null };
}

/**
 * Runs one command line.
 * @returns the exit code, see `EXIT`
 */
export async function main(args: readonly string[], env: Environment): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = globalOptions(new Command('sccctl'), env)
    .description('Moves workloads between SCCs, and lets an auditor check what was done.')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  const run: Run = async (action) => {
    const options = program.opts<Settings>();
    const session = new Session({
      ...options,
      token: options.token ?? env.GOVERNANCE_TOKEN,
      temporalTrust: env,
      stateHome: env.XDG_STATE_HOME,
    });
    try {
      exitCode = (await action(session)) ?? EXIT.ok;
    } finally {
      await session.close();
    }
  };
  const commands = [
    clusterCheckCommand(run),
    gatherCommand(run),
    planCommand(run),
    getCommand(run),
    listCommand(run),
    logsCommand(run),
    explainCommand(run),
    ...actCommands(run),
    approvalsCommand(run),
    policiesCommand(run),
    migrationsCommand(run),
    stopCommand(run),
    notificationsCommand(run),
    podsCommand(run),
    workloadCommand(run),
    recommendCommand(run),
    scanCommand(run),
    scansCommand(run),
    simulateCommand(run),
    campaignCommand(run),
    reportCommand(run),
    auditCommand(run),
    webhookCommand(run),
    versionCommand(run),
    completionCommand(() => program),
  ];
  for (const command of commands) program.addCommand(withExitOverride(command));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { message, remedy, exitCode: code } = explain(error);
    process.stderr.write(`error: ${message}\n${remedy === null ? '' : `${remedy}\n`}`);
    return code;
  }
}

/** Commands that were made apart do not inherit it. */
function withExitOverride(command: Command): Command {
  command.exitOverride().configureHelp({ showGlobalOptions: true });
  command.commands.forEach(withExitOverride);
  return command;
}
