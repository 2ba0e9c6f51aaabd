import { agoOf, durationOf } from '../data/times.js';

const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A point in time in the user's zone; the title has it in UTC. */
export const Time = ({ at, ago = false }: { at: string; ago?: boolean }) => (
  <time dateTime={at} title={`${new Date(at).toISOString()} (UTC)`}>
    {ago ? `${agoOf(at, Date.now())} ago` : local.format(new Date(at))}
  </time>
);

export const Duration = ({ from, to }: { from: string; to: string | null }) => (
  <span title={`${from} to ${to ?? 'now'} (UTC)`}>
    {durationOf(Date.parse(to ?? new Date().toISOString()) - Date.parse(from))}
  </span>
);
