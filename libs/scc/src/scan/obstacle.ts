import type { ScanRow } from './report.js';

const MAX_CHARACTERS = 100;

/** The first thing that stands in a workload's way, in a few words. */
export function firstObstacle({ category, owner, blockers, risks, obstacles, nextRestart }: ScanRow): string {
  if (category === 'Exempt') return '';
  const found = [
    ...(owner && category !== 'Strict' ? [`${owner.by} ${owner.name}`] : []),
    ...blockers,
    ...risks.filter(({ uncertain }) => !uncertain).map(({ name }) => name),
    ...(category === 'Volume' ? ['the data on its volumes'] : []),
    ...(category === 'Strict' ? [] : obstacles),
    ...risks.filter(({ uncertain }) => uncertain).map(({ name }) => `perhaps ${name}`),
    ...(nextRestart.refusal === null ? [] : ['refused at the next restart']),
  ];
  const [first = ''] = found;
  return first.length > MAX_CHARACTERS ? `${first.slice(0, MAX_CHARACTERS - 1)}…` : first;
}
