import { Command } from 'commander';
import { withListed } from '../scan/command.js';
import type { Run } from '../session.js';
import { dryRun } from './dry-run.js';
import { listCampaigns, showCampaign } from './status.js';

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
  command
    .command('list')
    .description('the campaigns of the cluster')
    .action(() => run(listCampaigns));
  command
    .command('status')
    .description('a campaign as a tree: its waves, their workloads and plans, what it waits for')
    .argument('<name>', 'of the campaign')
    .option('-w, --watch', 'draw it again until it has ended; exit code 1 when it did not complete', false)
    .action((name: string, { watch }: { watch: boolean }) => run((session) => showCampaign(session, name, watch)));
  return command;
}
