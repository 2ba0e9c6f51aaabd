import type { KubeObject } from '@scc/kube';
import { STOPPED_ANNOTATION, type PlanRef } from '@scc/plan';
import { plural } from '@scc/plan/words';
import type { OwnersTask } from '@scc/migration/contract';
import { z } from 'zod';
import { type Counted, censusCounts, type DataJob, dataJobOf, LOOK, shownMode, total } from './census.js';

/** A change of owners that can be taken back: what is noted of it, its Jobs, and what these show; plain decisions. */

/**
 * What is noted on a workload that a plan has stopped. Files of one user became those of another, who had none: whose
 * they were is known of each by these two, also of files that were written since, and no file has to be named.
 */
const stoppedSchema = z.object({
  /** The uid of the plan. */
  plan: z.string(),
  replicas: z.int(),
  /** Set before the first file changes, taken away once the last one is given back. */
  owners: z.object({ from: z.int(), to: z.int(), files: z.record(z.string(), z.int()) }).optional(),
});
export type Stopped = z.infer<typeof stoppedSchema>;

/** What a plan has noted on its workload; null where it has noted nothing. What is none of this plan's is no note of it. */
export function stoppedBy({ metadata }: KubeObject, { uid }: PlanRef): Stopped | null {
  const text = metadata.annotations?.[STOPPED_ANNOTATION];
  if (text === undefined) return null;
  try {
    const { data } = stoppedSchema.safeParse(JSON.parse(text));
    return data?.plan === uid ? data : null;
  } catch {
    return null;
  }
}

/** Whether another plan, or nobody who is known, has marked it. */
export const isMarkedByOthers = (object: KubeObject, ref: PlanRef): boolean =>
  object.metadata.annotations?.[STOPPED_ANNOTATION] !== undefined && stoppedBy(object, ref) === null;

/** The part of a JSON patch that writes the note, or takes it away; it fails where another client wrote it meanwhile. */
export function notePatch({ metadata: { annotations } }: KubeObject, note: Stopped | null): object[] {
  const path = `/metadata/annotations/${STOPPED_ANNOTATION.replace('/', '~1')}`;
  const now = annotations?.[STOPPED_ANNOTATION];
  const test = now === undefined ? [] : [{ op: 'test', path, value: now }];
  if (note === null) return now === undefined ? [] : [...test, { op: 'remove', path }];
  const value = JSON.stringify(note);
  if (annotations === undefined)
    return [{ op: 'add', path: '/metadata/annotations', value: { [STOPPED_ANNOTATION]: value } }];
  return [...test, { op: 'add', path, value }];
}

/** What a Job does with the files of one pod. */
export type OwnersAct = 'look' | 'change' | 'giveBack';

/** Every kind of file, links included, and nothing outside of the volume. */
const given = (from: number, to: number): string =>
  `command -v chown >/dev/null || exit 44; find "$@" -xdev -name lost+found -prune -o -user ${from} -exec chown -h ${to} {} +; `;

const COMMANDS: Record<OwnersAct, (task: OwnersTask) => string> = {
  look: () => '',
  change: ({ from, to }) => given(from, to),
  giveBack: ({ from, to }) => given(to, from),
};

/** The Job of an act on the data of one pod, as root under the old SCC; null where the pod mounts none of it. */
export const ownersJobOf = (
  podSpec: unknown,
  task: OwnersTask,
  { act, ...job }: Pick<DataJob, 'ref' | 'name' | 'sourceSCC'> & { act: OwnersAct },
): KubeObject | null =>
  dataJobOf(podSpec, {
    ...job,
    ...{ volumes: task.volumes, command: COMMANDS[act](task) + LOOK, isWriting: act !== 'look', isRoot: true },
  });

/** The pod at an ordinal of a stopped StatefulSet, as its controller would make it, as far as its volumes go. */
export function podSpecAt(template: unknown, pod: string, claimTemplates: readonly string[]): Record<string, unknown> {
  const { spec } = z.looseObject({ spec: z.looseObject({ volumes: z.array(z.unknown()).nullish() }) }).parse(template);
  const claims = claimTemplates.map((name) => ({ name, persistentVolumeClaim: { claimName: `${name}-${pod}` } }));
  return { ...spec, volumes: [...claims, ...(spec.volumes ?? [])] };
}

export type OwnersVerdict = { isGood: true; files: number } | { isGood: false; reason: string };

const no = (reason: string): OwnersVerdict => ({ isGood: false, reason });
const SET_IDS = 0o6000;

const bitsOf = (mode: number) => ({ owner: (mode >> 6) & 7, group: (mode >> 3) & 7, other: mode & 7 });

/**
 * Whether the new user could not do with a file what the old one could, once those of the old one are its own. Which
 * groups the old one has is not known: it is held to have had the file's.
 */
function isLost({ uid, gid, mode }: Counted, { from, groups }: OwnersTask): boolean {
  if (uid === from) return false;
  const { owner, group, other } = bitsOf(mode);
  const had = from === 0 ? owner : group | other;
  const has = groups.includes(gid) ? group : other;
  return (had & has) !== had;
}

/**
 * Whether the owners may change, by what a look shows: only where all of it can be taken back, and where it is enough.
 */
export function judgeBefore(log: string, task: OwnersTask): OwnersVerdict {
  const counts = censusCounts(log);
  if (typeof counts === 'string') return no(counts);
  const { from, to } = task;
  const own = counts.filter(({ uid }) => uid === from);
  const others = counts.filter(({ uid }) => uid === to);
  if (others.length > 0)
    return no(`${plural(total(others), 'file')} of user ${to} are there already, which an undo could not tell apart`);
  const marked = own.find(({ mode, isFolder }) => !isFolder && (mode & SET_IDS) !== 0);
  if (marked) return no(`a change of owner would take the set-id bits of ${shownMode(marked)}`);
  const lost = counts.find((one) => isLost(one, task));
  if (lost) return no(`user ${to} could not use ${shownMode(lost)}, which is none of user ${from}`);
  return { isGood: true, files: total(own) };
}

/** Whether no file of a user is left, after an act that gives all of them away. */
export function judgeAfter(log: string, user: number): OwnersVerdict {
  const counts = censusCounts(log);
  if (typeof counts === 'string') return no(counts);
  const left = counts.filter(({ uid }) => uid === user);
  if (left.length > 0) return no(`${plural(total(left), 'file')} still belong to user ${user}`);
  return { isGood: true, files: total(counts) };
}
