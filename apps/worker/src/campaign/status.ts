import type { KubeClient } from '@scc/kube';
import type { CampaignReport } from '@scc/migration/contract';
import { CAMPAIGN_TYPE, type CampaignStatus, FIELD_MANAGER, memberKey } from '@scc/plan';
import type { ReadCampaign } from './read.js';

/** The status with counts that follow from its board. */
function counted(status: CampaignStatus): CampaignStatus {
  const { waves = [], left = [] } = status;
  const states = waves.flatMap(({ workloads }) => workloads).map(({ state }) => state);
  const of = (wanted: string): number => states.filter((state) => state === wanted).length;
  const completed = of('Completed');
  const counts = { waiting: of('Waiting'), running: of('Running'), completed, failed: of('Failed') };
  return {
    ...status,
    counts: { waves: waves.length, workloads: states.length, ...counts, left: left.length },
    progress: `${completed}/${states.length}`,
  };
}

/** So many signals are kept on the campaign; governance has written earlier ones into the log. */
const MOST_SIGNALS = 40;
const MOST_CHARACTERS = 256;

/** The signals that were told, each once, however often the report that tells them is written. */
function signalsOf({ signals: known = [] }: CampaignStatus, { signals = [] }: CampaignReport) {
  const told = signals.map(({ command, claimedActor, atMs }) => ({
    ...{ command, claimedActor: claimedActor?.slice(0, MOST_CHARACTERS) ?? null, at: new Date(atMs).toISOString() },
  }));
  const fresh = told.filter(({ command, at }) => !known.some((one) => one.command === command && one.at === at));
  const all = [...known, ...fresh].slice(-MOST_SIGNALS);
  return all.length === 0 ? {} : { signals: all };
}

/** The status after a report: its board keeps its workloads, and only their states change. */
export function reported(status: CampaignStatus, report: CampaignReport): CampaignStatus {
  const changed = new Map(report.changed.map((one) => [memberKey(one), one]));
  const { soakUntil: _before, ...rest } = status;
  return counted({
    ...rest,
    observedGeneration: report.generation,
    phase: report.phase,
    message: report.message,
    wave: report.wave,
    attempt: report.attempt,
    ...signalsOf(status, report),
    ...(report.soakUntilMs === null ? {} : { soakUntil: new Date(report.soakUntilMs).toISOString() }),
    waves: (status.waves ?? []).map((wave) => ({
      ...wave,
      workloads: wave.workloads.map(({ message: _message, ...member }) => {
        const now = changed.get(memberKey(member));
        if (!now) return _message === undefined ? member : { ...member, message: _message };
        const { state, plan = member.plan, message } = now;
        return { ...member, state, ...(plan ? { plan } : {}), ...(message === undefined ? {} : { message }) };
      }),
    })),
  });
}

/** Writes the status of a campaign in place of the one that was read, and an Event where its phase or wave changes. */
export async function writeStatus(kube: KubeClient, { object, status: before }: ReadCampaign, next: CampaignStatus) {
  const status = counted(next);
  const { name = '', uid = '', resourceVersion = '' } = object.metadata;
  const id = { ...CAMPAIGN_TYPE, name };
  const body = { metadata: { uid, resourceVersion }, status: { soakUntil: null, ...status } };
  await kube.patch(id, { type: 'merge', body, fieldManager: FIELD_MANAGER, subresource: 'status' });
  if (before.phase === status.phase && before.wave === status.wave) return;
  const isBad = status.phase === 'Stopped' || status.phase === 'Rejected';
  await kube.recordEvent({
    regarding: { ...id, uid },
    type: isBad ? 'Warning' : 'Normal',
    reason: status.phase === 'Running' ? 'WaveBegun' : `Campaign${status.phase ?? 'Pending'}`,
    message: status.message ?? '',
    action: 'Migrate',
  });
}
