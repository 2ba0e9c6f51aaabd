import { isTerminal, type Phase, PHASES } from '@scc/plan/words';
import type { ListedEvent } from './types.js';

export interface PhaseSpan {
  phase: string;
  state: 'done' | 'now' | 'bad' | 'ahead';
  from: string | null;
  to: string | null;
}

const isPhase = (phase: string): phase is Phase => PHASES.some((one) => one === phase);
const FORWARD = PHASES.slice(1, PHASES.indexOf('Completed') + 1);
const SCAR: readonly Phase[] = PHASES.slice(PHASES.indexOf('RollingBack'));

/**
 * The phases of a migration in their order, each with the time at which it began and ended, by the events of the
 * migration. Phases that a running migration has before it come last, without a time.
 */
export function phaseLine(events: readonly Pick<ListedEvent, 'phase' | 'at'>[], now: string): PhaseSpan[] {
  const seen: { phase: string; from: string }[] = [];
  for (const { phase, at } of events) if (seen.at(-1)?.phase !== phase) seen.push({ phase, from: at });
  const last = seen.at(-1)?.phase ?? now;
  const spans = seen.map(({ phase, from }, index): PhaseSpan => {
    const to = seen[index + 1]?.from ?? null;
    const isBad = SCAR.some((one) => one === phase);
    const isOver = to !== null || (isPhase(phase) && isTerminal(phase));
    return { phase, state: isBad ? 'bad' : isOver ? 'done' : 'now', from, to };
  });
  if (isPhase(last) && (isTerminal(last) || SCAR.includes(last))) return spans;
  const ahead = FORWARD.slice(isPhase(last) ? FORWARD.indexOf(last) + 1 : 0);
  return [...spans, ...ahead.map((phase): PhaseSpan => ({ phase, state: 'ahead', from: null, to: null }))];
}
