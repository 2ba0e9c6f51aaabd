import type { CampaignDetail } from '@scc/governance-api';
import { isCampaignOver } from '@scc/plan/words';

type Wave = CampaignDetail['waves'][number];

/** A text as one argument of a shell, whatever stands in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const patchOf = (name: string, spec: object): string =>
  `kubectl patch sccmc ${name} --type merge -p ${quoted(JSON.stringify({ spec }))}`;

/** An edit of a campaign as the command that makes it: admission records who edits it, so the user runs it. */
export interface CampaignCommand {
  title: string;
  command: string;
}

/** The edits that make sense now. */
export function commandsOf({ name, phase, suspended, aborted, attempt }: CampaignDetail): CampaignCommand[] {
  if (isCampaignOver(phase) || aborted) return [];
  return [
    suspended
      ? { title: 'Resume: begin further plans', command: patchOf(name, { suspend: false }) }
      : { title: 'Pause: begin no further plan for a while', command: patchOf(name, { suspend: true }) },
    ...(phase === 'Stopped'
      ? [
          {
            title: 'Plan again what failed, once its cause is removed',
            command: patchOf(name, { attempt: attempt + 1 }),
          },
        ]
      : []),
    { title: 'Abort: begin no further plan, for good', command: patchOf(name, { abort: true }) },
  ];
}

/** Why a user cannot approve a wave, or the command by which they do; null where no approval is asked for. */
export function approvalOf(
  { name, author, approvals, approvalRequired, phase }: CampaignDetail,
  { number, hash, isApproved, workloads, hidden }: Wave,
  user: string,
): CampaignCommand | { why: string } | null {
  const hasBegun = workloads.some(({ state }) => state !== 'Waiting');
  if (!approvalRequired || isApproved || hasBegun || isCampaignOver(phase)) return null;
  if (author === user) return { why: 'You created this campaign, so another person has to approve its waves.' };
  if (hidden > 0) return { why: 'You do not see all workloads of this wave, so you cannot know what you approve.' };
  const kept = approvals.filter((one) => one.wave !== number || one.by !== user);
  const spec = { approvals: [...kept, { wave: number, hash, by: user }] };
  return { title: `Approve wave ${number} as it stands here`, command: patchOf(name, spec) };
}

/** How a wave stands, in words. */
export function waveWords({ workloads }: Wave): string {
  const of = (state: string): number => workloads.filter((one) => one.state === state).length;
  const [running, completed, failed] = [of('Running'), of('Completed'), of('Failed')];
  return [
    `${completed} of ${workloads.length} moved`,
    ...(running > 0 ? [`${running} running`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(', ');
}
