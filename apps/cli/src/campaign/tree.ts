import type { CampaignStatus, MemberStatus } from '@scc/plan';
import { ageOf, count, table } from '../output.js';

/** A campaign as it is drawn. */
export interface ShownCampaign {
  name: string;
  createdAt: string | null;
  status: CampaignStatus;
}

const MARKS: Record<MemberStatus['state'], string> = { Waiting: '·', Running: '▶', Completed: '✔', Failed: '✖' };

function lineOf({ namespace, kind, name, targetSCC, state, plan, message }: MemberStatus): string[] {
  const head = `${MARKS[state]} ${namespace}/${name} (${kind}) → ${targetSCC}  ${state}`;
  return [plan === undefined ? head : `${head}  plan ${plan}`, ...(message === undefined ? [] : [`    ${message}`])];
}

const waveState = (workloads: readonly MemberStatus[]): string => {
  const of = (state: MemberStatus['state']): number => workloads.filter((one) => one.state === state).length;
  return `${of('Completed')} of ${count(workloads.length, 'workload')} moved${of('Failed') > 0 ? `, ${of('Failed')} failed` : ''}`;
};

/** A campaign with its waves, their workloads and plans. */
export function drawCampaign({ name, status }: ShownCampaign): string {
  const { phase = 'Pending', message = '', waves = [], left = [], wave = 0, soakUntil, unread } = status;
  const running = phase === 'Running';
  return [
    `campaign ${name}  ${phase}`,
    `  ${message}`,
    ...(unread === undefined ? [] : [`  ${unread}`]),
    ...(soakUntil !== undefined && running ? [`  soaks until ${soakUntil}`] : []),
    ...waves.flatMap(({ hash, workloads }, at) => [
      `├─ wave ${at + 1}  ${waveState(workloads)}${at + 1 === wave && running ? ' ◀' : ''}`,
      `│    set ${hash}`,
      ...workloads.flatMap(lineOf).map((line) => `│    ${line}`),
    ]),
    `└─ left as they are: ${left.length}`,
    ...left.map(({ workload, reason }) => `     ${workload}: ${reason}`),
  ].join('\n');
}

/** Campaigns, a line each. */
export const campaignTable = (campaigns: readonly ShownCampaign[], now: Date): string =>
  table(
    ['campaign', 'phase', 'wave', 'done', 'failed', 'age', 'message'],
    campaigns.map(
      ({ name, createdAt, status: { phase = 'Pending', wave = 0, counts, progress = '-', message = '' } }) => [
        ...[name, phase, `${wave} of ${counts?.waves ?? 0}`, progress, String(counts?.failed ?? 0)],
        ...[ageOf(createdAt, now), message],
      ],
    ),
  );
