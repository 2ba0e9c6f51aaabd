import type { MigrationState } from './state.js';

/** The text that the Temporal Web UI shows on top of the workflow: its phase, its wait, the commands of a person. */
export function detailsOf(state: MigrationState): string {
  const { phase, message, sourceSCC, targetSCC, weight, risk, waitingFor, finishedAt, ordinals } = state;
  const lines = [
    `**${phase}** – ${message}`,
    '',
    `- SCC: ${sourceSCC ?? 'unknown'} → ${targetSCC ?? 'unknown'}`,
    ordinals
      ? `- pods that moved: ${ordinals.moved} of ${ordinals.total}, ${ordinals.last} last`
      : `- requests on the canary: ${weight} %`,
  ];
  if (risk) lines.push(`- risk: ${risk.band} (change ${percent(risk.changeRisk)}, exposure ${percent(risk.exposure)})`);
  if (waitingFor !== null) lines.push(`- waits for: ${waitingFor}`);
  if (finishedAt === null)
    lines.push('', 'Signals: `pause`, `resume`, `abort`, `rollback`, `approve` (looks again for an approval), `skip`.');
  return lines.join('\n');
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
