import { isWaveApproved, memberKey, plural, startable } from '@scc/plan/words';
import type { CampaignSettings, CampaignState, MemberOutcome, TrackedMember } from './campaign-payloads.js';

/** The pure half of a campaign: what comes next, and what an outcome changes. */

export type CampaignStep =
  | { do: 'create'; members: TrackedMember[] }
  | { do: 'wait'; phase: 'Running' | 'Stopped'; message: string; untilMs: number | null }
  | { do: 'end'; phase: 'Completed' | 'Aborted'; message: string };

const all = ({ waves }: CampaignState): TrackedMember[] => waves.flatMap(({ members }) => members);
const inState = (state: CampaignState, wanted: TrackedMember['state']): TrackedMember[] =>
  all(state).filter((member) => member.state === wanted);

const isOpen = ({ state }: TrackedMember): boolean => state === 'Waiting' || state === 'Running';

/** The index of the first wave that is not over; the number of waves when all are. */
export function currentWave({ waves }: CampaignState): number {
  const at = waves.findIndex(({ members }) => members.some(isOpen));
  return at < 0 ? waves.length : at;
}

const waits = (message: string, untilMs: number | null = null): CampaignStep => ({
  do: 'wait',
  phase: 'Running',
  message,
  untilMs,
});

/** The end of a campaign of which nothing runs and nothing is left to begin. */
function ended(state: CampaignState): CampaignStep {
  const failed = inState(state, 'Failed').length;
  const done = `${inState(state, 'Completed').length} of ${plural(all(state).length, 'workload')} moved`;
  return { do: 'end', phase: 'Completed', message: failed > 0 ? `${done}, ${failed} failed within the budget` : done };
}

/** Why no further plan is begun now, before any of the current wave is looked at; null when one may be. */
function held(state: CampaignState, settings: CampaignSettings, nowMs: number): CampaignStep | null {
  const at = currentWave(state);
  const running = inState(state, 'Running').length;
  const rest = running > 0 ? `; ${plural(running, 'plan')} that run go on to their end` : '';
  if (settings.abort)
    return running > 0
      ? waits(`aborted${rest}`)
      : { do: 'end', phase: 'Aborted', message: `aborted in wave ${at + 1}; no further plan is begun` };
  const failed = inState(state, 'Failed').length;
  if (failed > settings.failureBudget)
    return {
      do: 'wait',
      phase: 'Stopped',
      message: `${failed} failed, and the budget is ${settings.failureBudget}${rest}. Remove the cause and raise spec.attempt, or raise spec.failureBudget, or set spec.abort.`,
      untilMs: null,
    };
  if (settings.suspend) return waits(`suspended${rest}`);
  const closed = outsideWindows(settings, nowMs);
  if (closed) return waits(`${closed.message}${rest}`, closed.untilMs);
  if (running > 0) return null;
  if (state.soakUntilMs !== null && state.soakUntilMs > nowMs)
    return waits(`wave ${at} is over; wave ${at + 1} begins when it has soaked`, state.soakUntilMs);
  return null;
}

/** Between two looks at windows of which nothing is known any more, in milliseconds. */
const LOOK_AGAIN_MS = 1_000;
const LONGEST_WAIT_MS = 24 * 60 * 60_000;

/** What is said and waited for outside of the windows; null inside of one, and without any. */
function outsideWindows({ window }: CampaignSettings, nowMs: number): { message: string; untilMs: number } | null {
  if (!window) return null;
  // What was read is too old: a wait that is over at once reads it again.
  if (window.untilMs !== null && window.untilMs <= nowMs)
    return { message: 'looks at its windows', untilMs: nowMs + LOOK_AGAIN_MS };
  if (window.isOpen) return null;
  return window.untilMs === null
    ? { message: 'none of its windows opens', untilMs: nowMs + LONGEST_WAIT_MS }
    : {
        message: `outside of its windows; plans may begin again at ${new Date(window.untilMs).toISOString()}`,
        untilMs: window.untilMs,
      };
}

const isAlike = (one: TrackedMember, other: TrackedMember): boolean =>
  one.targetSCC !== undefined &&
  [one.namespace, one.kind, one.targetSCC].join() === [other.namespace, other.kind, other.targetSCC].join();

/**
 * The members in the order in which they begin: those that are most like what failed come last, so that the budget is
 * spent, and somebody has looked, before they do. Among equals, the greater the risk that the plans of workloads like
 * them were found to have, the later they begin.
 */
function asLearned(waiting: readonly TrackedMember[], state: CampaignState): TrackedMember[] {
  const failed = inState(state, 'Failed');
  const judged = all(state).filter(({ risk }) => risk !== undefined);
  const placed = waiting.map((member) => {
    const risks = judged.filter((one) => isAlike(one, member)).map(({ risk = 0 }) => risk);
    return { member, failures: failed.filter((one) => isAlike(one, member)).length, risk: Math.max(0, ...risks) };
  });
  return placed
    .toSorted((one, other) => one.failures - other.failures || one.risk - other.risk)
    .map(({ member }) => member);
}

/** What a campaign does next. */
export function nextStep(state: CampaignState, settings: CampaignSettings, nowMs: number): CampaignStep {
  const at = currentWave(state);
  if (at >= state.waves.length && inState(state, 'Failed').length <= settings.failureBudget) return ended(state);
  const reason = held(state, settings, nowMs);
  if (reason) return reason;
  const hash = state.waves[at]?.hash ?? '';
  if (!isWaveApproved(settings, { number: at + 1, hash }))
    return waits(`wave ${at + 1} waits for the approval of its set ${hash}`);
  const running = inState(state, 'Running');
  const waiting = (state.waves[at]?.members ?? []).filter((member) => member.state === 'Waiting');
  const members = startable(asLearned(waiting, state), running, settings.maxConcurrent);
  if (members.length > 0) return { do: 'create', members };
  return waits(`wave ${at + 1} of ${state.waves.length}: ${plural(running.length, 'plan')} under way`);
}

/** The state after outcomes; a wave that they end soaks before the next one. */
export function afterOutcomes(
  state: CampaignState,
  outcomes: readonly MemberOutcome[],
  { nowMs, soakMs }: { nowMs: number; soakMs: number },
): CampaignState {
  const before = currentWave(state);
  const ends = new Map(outcomes.map((outcome) => [`${outcome.namespace}/${outcome.plan}`, outcome]));
  const waves = state.waves.map((wave) => ({
    ...wave,
    members: wave.members.map((member) => {
      const end = ends.get(`${member.namespace}/${member.plan ?? ''}`);
      if (member.state !== 'Running' || !end) return member;
      return { ...member, state: end.state, ...(end.risk === undefined ? {} : { risk: end.risk }) };
    }),
  }));
  const next = { ...state, waves };
  const isOver = currentWave(next) > before && currentWave(next) < waves.length;
  return isOver ? { ...next, soakUntilMs: nowMs + soakMs } : next;
}

/** The state with one member's plan begun, or refused. */
export function afterCreate(
  state: CampaignState,
  begun: TrackedMember,
  made: { plan: string } | { refused: string },
): CampaignState {
  const next = 'plan' in made ? { state: 'Running' as const, plan: made.plan } : { state: 'Failed' as const };
  return {
    ...state,
    waves: state.waves.map((wave) => ({
      ...wave,
      members: wave.members.map((member) => (memberKey(member) === memberKey(begun) ? { ...member, ...next } : member)),
    })),
  };
}

/** The state of a later attempt: what failed waits again, and its failures count no more. */
export function afterAttempt(state: CampaignState, attempt: number): CampaignState {
  if (attempt <= state.attempt) return state;
  const again = ({ plan: _plan, ...member }: TrackedMember): TrackedMember => ({ ...member, state: 'Waiting' });
  const waves = state.waves.map((wave) => ({
    ...wave,
    members: wave.members.map((member) => (member.state === 'Failed' ? again(member) : member)),
  }));
  return { waves, attempt, soakUntilMs: null };
}
