import { isTerminal, requestsWords, waitWords } from '@scc/plan/words';
import type { MigrationState } from './state.js';

/** The text that the Temporal Web UI shows on top of the workflow: its phase, its wait, the commands of a person. */
export function detailsOf(state: MigrationState): string {
  const { phase, message, sourceSCC, targetSCC, risk, waitingFor, finishedAt, ordinals } = state;
  const lines = [`**${phase}** – ${message}`, '', `- SCC: ${sourceSCC ?? 'unknown'} → ${targetSCC ?? 'unknown'}`];
  if (ordinals) lines.push(`- pods that moved: ${ordinals.moved} of ${ordinals.total}, ${ordinals.last} last`);
  else if (!isTerminal(phase)) lines.push(`- requests: ${requestsOf(state)}`);
  if (risk) lines.push(`- risk: ${risk.band} (change ${percent(risk.changeRisk)}, exposure ${percent(risk.exposure)})`);
  if (waitingFor !== null) {
    const { label, what } = waitWords(waitingFor);
    lines.push(`- ${label}: ${what}`);
  }
  if (finishedAt === null)
    lines.push('', 'Signals: `pause`, `resume`, `abort`, `rollback`, `approve` (looks again for an approval), `skip`.');
  return lines.join('\n');
}

/** Where the requests of a migration go that is not over. */
const requestsOf = ({ phase, weight, strategy }: MigrationState): string =>
  requestsWords({ phase, weight, strategy: strategy?.type, isDryRun: false }) ?? `${weight} % at the canary`;

const percent = (share: number): string => `${Math.round(share * 100)} %`;
