import { durationMs } from './duration.js';
import type { PlanSpec, Violation } from './schema.js';

/** A cookie outlives the routes that read it by a day at most. */
export const cookieEnds = ({ traffic: { affinity } }: PlanSpec): Violation[] => {
  if (affinity === undefined) return [];
  const keptMs = durationMs(affinity.maxAge);
  if (keptMs >= durationMs('1m') && keptMs <= durationMs('24h')) return [];
  return [
    {
      code: 'CookieLastsWrong',
      field: 'spec.traffic.affinity.maxAge',
      message: `a cookie that a client keeps for ${affinity.maxAge} is either gone before it is of use or still there long after the migration`,
      remedy: 'Set 1m to 24h.',
    },
  ];
};
