import { Command } from 'commander';
import { withListed } from '../scan/command.js';
import type { Run } from '../session.js';
import { dryRun } from './dry-run.js';

/** `sccctl campaign …` */
export function campaignCommand(run: Run): Command {
  const command = new Command('campaign').description('many workloads, one plan for each, in waves');
  command
    .command('dry-run')
    .description('the waves of a campaign as they would be now; writes nothing')
    .argument('<file>', 'with the campaign; - reads standard input')
    .option(
      '-f, --filename <path>',
      'objects in files, folders or a must-gather instead of the cluster',
      withListed,
      [],
    )
    .action((file: string, { filename }: { filename: string[] }) => run((session) => dryRun(session, file, filename)));
  return command;
}
