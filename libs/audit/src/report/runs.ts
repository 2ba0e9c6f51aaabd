import { z } from 'zod';
import type { AuditBody } from '../entry.js';
import type { Contents } from './contents.js';
import {
  trustedEvents,
  gatheredSchema,
  instantOf,
  overlaps,
  type Reported,
  type ReportPeriod,
  planUidOf,
} from './entries.js';

/** From when to when a workload ran under which SCC. */
export interface RunClaim {
  namespace: string;
  kind: string;
  name: string;
  scc: string;
  /** Of the registry; null when the log holds no content of the SCC from before. */
  version: string | null;
  contentHash: string | null;
  /** False where the SCC was edited at about that time, and nothing saw when. */
  isVersionCertain: boolean;
  from: string;
  to: string | null;
  because: 'observed' | 'migrated' | 'restored' | 'changedWithoutPlan';
  /** The plan that the beginning was seen or made by; null without one. */
  plan: string | null;
  entries: string[];
}

interface State extends Omit<RunClaim, 'from' | 'to' | 'scc'> {
  at: string;
  /** Null: it has no pods any more. */
  scc: string | null;
}

const evaluatedSchema = z.object({ workload: z.object({ kind: z.string(), name: z.string() }) });
const contentSchema = z.object({ scc: z.string(), version: z.string().nullable() });
const seenSchema = z.object({ since: z.string(), scc: z.string(), version: z.string().nullable() });
const changedSchema = z.object({ since: z.string(), to: contentSchema });
const goneSchema = z.object({ at: z.string() });

/**
 * Under what workloads ran in a period, by the entries.
 * @param untrusted places of reported ends that do not count, as entry ids
 */
export function runClaims(
  entries: readonly AuditBody[],
  { period, contents, untrusted }: { period: ReportPeriod; contents: Contents; untrusted: ReadonlySet<string> },
): RunClaim[] {
  const states = [
    ...entries.flatMap((entry) => observedState(entry, contents)),
    ...plansIn(entries, untrusted).flatMap((plan) => plannedStates(plan, contents)),
  ];
  return [...Map.groupBy(states, ({ namespace, kind, name }) => `${namespace}/${kind}/${name}`)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, own]) => runsOf(own))
    .filter(({ from, to }) => overlaps(period, from, to));
}

interface Seen {
  at: string;
  scc: string | null;
  version: string | null;
  because: RunClaim['because'];
}

/** What an entry says that was seen of a workload without a plan. */
function seenIn({ action, details }: AuditBody): Seen | null {
  if (action === 'workload.gone') {
    const gone = goneSchema.safeParse(details).data;
    return gone ? { at: gone.at, scc: null, version: null, because: 'observed' } : null;
  }
  if (action === 'workload.sccObserved') {
    const first = seenSchema.safeParse(details).data;
    return first ? { at: first.since, scc: first.scc, version: first.version, because: 'observed' } : null;
  }
  const changed = action === 'workload.sccChanged' ? changedSchema.safeParse(details).data : undefined;
  return changed ? { at: changed.since, ...changed.to, because: 'changedWithoutPlan' } : null;
}

function observedState(entry: AuditBody, contents: Contents): State[] {
  const { namespace, kind, name } = entry.object;
  const seen = seenIn(entry);
  if (!seen || namespace === undefined || name === undefined) return [];
  const content = seen.scc === null ? null : contents.at(seen.scc, seen.at);
  const known = content?.version === seen.version ? content : null;
  const about = { namespace, kind, name, plan: null, isVersionCertain: true };
  const shown = [entry.id, ...(known?.entries.slice(0, 1) ?? [])];
  return [{ ...about, ...seen, contentHash: known?.contentHash ?? null, entries: shown }];
}

interface Plan {
  uid: string;
  namespace: string;
  workload: { kind: string; name: string };
  evaluation: string;
  events: Reported[];
}

/** The plans whose workload the log holds. */
function plansIn(entries: readonly AuditBody[], untrusted: ReadonlySet<string>): Plan[] {
  const byPlan = Map.groupBy(entries, planUidOf);
  byPlan.delete(null);
  return [...byPlan].flatMap(([uid, own]) => {
    const evaluated = own.find(
      ({ action, details }) => action === 'migration.evaluated' && evaluatedSchema.safeParse(details).success,
    );
    const { workload } = evaluatedSchema.safeParse(evaluated?.details).data ?? {};
    const namespace = evaluated?.object.namespace;
    if (uid === null || !evaluated || !workload || namespace === undefined) return [];
    return [{ uid, namespace, workload, evaluation: evaluated.id, events: trustedEvents(own, untrusted) }];
  });
}

/** What the events of a plan say of its workload. */
function plannedStates({ uid, namespace, workload, evaluation, events }: Plan, contents: Contents): State[] {
  const gathered = events.findLast(({ event }) => gatheredSchema.safeParse(event).success);
  const facts = gatheredSchema.safeParse(gathered?.event).data;
  if (!gathered || !facts) return [];
  const stateAt = ({ at, entryId }: Reported, scc: string | null, because: RunClaim['because']): State[] => {
    if (scc === null) return [];
    const content = contents.at(scc, at);
    const unseen = contents.unseenAt(scc, at);
    const shown = [evaluation, gathered.entryId, entryId, content?.entries[0], unseen?.entries[0]];
    const about = { namespace, ...workload, at, scc, because, plan: uid };
    return [
      {
        ...about,
        ...{ version: content?.version ?? null, contentHash: content?.contentHash ?? null },
        ...{ isVersionCertain: unseen === null, entries: [...new Set(shown.filter((one) => one !== undefined))] },
      },
    ];
  };
  const migrated = events.findLast(({ event }) => event.type === 'WorkloadMigrated');
  const undone = migrated && events.findLast(({ event }) => event.type === 'UndoFinished');
  return [
    ...stateAt(gathered, facts.sourceSCC, 'observed'),
    ...(migrated ? stateAt(migrated, facts.targetSCC, 'migrated') : []),
    ...(undone
      ? stateAt(undone, facts.sourceSCC, 'restored').map((state) => ({
          ...state,
          entries: [...state.entries, migrated.entryId],
        }))
      : []),
  ];
}

/** States that follow each other, as spans; seeing again what is known already begins none. */
function runsOf(states: readonly State[]): RunClaim[] {
  const runs: RunClaim[] = [];
  let open: RunClaim | null = null;
  for (const { at, scc, ...state } of states.toSorted((a, b) => instantOf(a.at) - instantOf(b.at))) {
    if (open && state.because === 'observed' && scc === open.scc && isSameVersion(state.version, open.version))
      continue;
    if (open) open.to = at;
    if (open && scc === null) open.entries = [...open.entries, ...state.entries];
    open = scc === null ? null : { ...state, scc, from: at, to: null };
    if (open) runs.push(open);
  }
  return runs;
}

/** A version that one side does not know contradicts none. */
const isSameVersion = (a: string | null, b: string | null): boolean => a === null || b === null || a === b;
