import type { KubeObject } from '@scc/kube';
import { canaryAnnotations, gateLabels, type PlanRef } from '@scc/plan';
import { plural } from '@scc/plan/words';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import type { CensusTask } from '@scc/migration/contract';
import { z } from 'zod';
import { ownedByPlan } from './copies.js';

/** Who owns the files of volumes, as a Job finds it out under the old SCC, and what follows from it. */

/** More are not looked at: what is not known to the end is refused. */
const MOST_FILES = 200_000;
/** So many different owners and modes tell nobody anything any more. */
const MOST_GROUPS = 1_000;
const DEADLINE_S = 300;
const KEPT_S = 600;
const CONTAINER = 'census';
const DONE = 'census: done';
const TOOLS = 'id find stat sort uniq head chgrp chmod';
const NO_TOOLS = 44;
/** What the root of a disk's file system has of its own: it is nobody's data. */
const FILES = '-xdev -name lost+found -prune -o ! -type l';

const mountSchema = z.looseObject({
  name: z.string(),
  subPath: z.string().optional(),
  subPathExpr: z.string().optional(),
});
const podSpecSchema = z.looseObject({
  nodeName: z.string().optional(),
  nodeSelector: z.record(z.string(), z.string()).nullish(),
  securityContext: z.looseObject({}).nullish(),
  serviceAccountName: z.string().optional(),
  imagePullSecrets: z.array(z.unknown()).nullish(),
  tolerations: z.array(z.unknown()).nullish(),
  volumes: z
    .array(
      z.looseObject({
        name: z.string(),
        persistentVolumeClaim: z.looseObject({ claimName: z.string() }).nullish(),
        hostPath: z.looseObject({ path: z.string() }).nullish(),
      }),
    )
    .nullish(),
  containers: z
    .array(
      z.looseObject({
        image: z.string().optional(),
        imagePullPolicy: z.string().optional(),
        securityContext: z.looseObject({}).nullish(),
        volumeMounts: z.array(mountSchema).nullish(),
      }),
    )
    .min(1),
});

/** Counts files by owner and mode; names of files stay where they are. */
export const LOOK = `find "$@" ${FILES} -exec stat -c '%u:%g:%a:%F' {} + | head -n ${MOST_FILES + 1} | sort | uniq -c | head -n ${MOST_GROUPS + 1}; echo '${DONE}'`;
/**
 * Lets a group use the files as well, which root alone can do of all. A file that goes meanwhile is no failure: the
 * count comes after it.
 */
const giveTo = (group: number): string =>
  `[ "$(id -u)" != 0 ] || find "$@" ${FILES} -exec chgrp ${group} {} + -exec chmod g+rwX {} + || :; `;

/** The Job runs as the pods do: it says who that is where no field does. */
const WHO = 'echo "census: user $(id -u)"; ';
const WHO_LINE = /^census: user (\d+)$/m;

interface Census {
  ref: PlanRef;
  /** Of the Job. */
  name: string;
  task: CensusTask;
  sourceSCC: string;
  /** Whether the files are let to the group before they are counted. */
  gives: boolean;
}

/** The fields that an object has of these. */
const picked = (from: Readonly<Record<string, unknown>>, fields: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(fields.flatMap((field) => (from[field] == null ? [] : [[field, from[field]]])));

/**
 * The Job that looks at the volumes of one pod: beside it on its node, as its user, under its SCC and ServiceAccount, and
 * read only unless it gives. It ends and goes by itself, as its plan does. Null where the pod mounts none of them.
 * @param podSpec of a pod that runs, or of a template whose pods do not run now
 */
export function censusJobOf(podSpec: unknown, { task, gives, ...job }: Census): KubeObject | null {
  const before = task.isServing ? WHO : gives && task.group !== null ? giveTo(task.group) : '';
  const command = before + LOOK;
  const { volumes, hostPaths = [] } = task;
  return dataJobOf(podSpec, { ...job, command, volumes, hostPaths, isWriting: gives });
}

/** A Job on the data of one pod. */
export interface DataJob {
  ref: PlanRef;
  /** Of the Job. */
  name: string;
  sourceSCC: string;
  /** Names of claims, or of the templates that they are made from. */
  volumes: readonly string[];
  /** Names of volumes that are folders of the pod's node. */
  hostPaths?: readonly string[];
  /** For a shell, whose arguments are the paths. */
  command: string;
  isWriting: boolean;
  /** It runs as root, whoever the pods run as. */
  isRoot?: boolean;
}

/** The user of a container that is root, with the rights that a runtime gives to root. */
const asRoot = ({
  runAsUser: _user,
  runAsGroup: _group,
  capabilities: _capabilities,
  ...rest
}: Record<string, unknown>): Record<string, unknown> => ({ ...rest, runAsUser: 0, runAsNonRoot: false });

/** The same for any command. */
export function dataJobOf(podSpec: unknown, job: DataJob): KubeObject | null {
  const { ref, name, sourceSCC, isWriting, isRoot = false } = job;
  const spec = podSpecSchema.parse(podSpec);
  const volumes = (spec.volumes ?? []).filter(({ name: volume, persistentVolumeClaim: claim, hostPath }) =>
    claim
      ? job.volumes.includes(volume) || job.volumes.includes(claim.claimName)
      : hostPath && job.hostPaths?.includes(volume),
  );
  const isAsked = (mount: { name: string }): boolean => volumes.some((volume) => volume.name === mount.name);
  const container = spec.containers.find(({ volumeMounts }) => volumeMounts?.some(isAsked));
  if (!container) return null;
  const mounts = spec.containers.flatMap(({ volumeMounts }) => volumeMounts ?? []).filter(isAsked);
  const parts = [...new Map(mounts.map((one) => [`${one.name}/${one.subPath ?? ''}`, one])).values()];
  const { fsGroup: _group, ...securityContext } = spec.securityContext ?? {};
  const own = picked(container, ['image', 'imagePullPolicy', 'securityContext']);
  const command = `for tool in ${TOOLS}; do command -v $tool >/dev/null || exit ${NO_TOOLS}; done; ${job.command}`;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...{ namespace: ref.namespace, name, ...ownedByPlan(ref) },
      ...{ labels: gateLabels(ref.name), annotations: canaryAnnotations(ref.name) },
    },
    spec: {
      ...{ backoffLimit: 0, activeDeadlineSeconds: DEADLINE_S, ttlSecondsAfterFinished: KEPT_S },
      template: {
        metadata: {
          labels: { ...gateLabels(ref.name), 'sidecar.istio.io/inject': 'false' },
          annotations: { [REQUIRED_SCC_ANNOTATION]: sourceSCC },
        },
        spec: {
          ...{ restartPolicy: 'Never', automountServiceAccountToken: false, securityContext },
          ...picked(spec, ['nodeName', 'nodeSelector', 'serviceAccountName', 'imagePullSecrets', 'tolerations']),
          volumes,
          containers: [
            {
              name: CONTAINER,
              ...own,
              ...(isRoot ? { securityContext: asRoot(container.securityContext ?? {}) } : {}),
              command: ['sh', '-c', command, 'sh', ...parts.map((_part, at) => `/census-${at}`)],
              resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '1', memory: '256Mi' } },
              volumeMounts: parts.map(({ name: volume, subPath }, at) => ({
                ...{ name: volume, mountPath: `/census-${at}`, readOnly: !isWriting },
                ...picked({ subPath }, ['subPath']),
              })),
            },
          ],
        },
      },
    },
  };
}

/** Whether a part of a volume is mounted whose name only a running container knows. */
export const hasComputedPath = (podSpec: unknown): boolean =>
  podSpecSchema
    .parse(podSpec)
    .containers.some(({ volumeMounts }) => volumeMounts?.some(({ subPathExpr }) => subPathExpr !== undefined));

/** By which its log is asked for. */
export const CENSUS_LOG = {
  container: CONTAINER,
  options: { sinceSeconds: DEADLINE_S * 2, limitBytes: 256 * 1024, timeoutMs: 10_000 },
  timeout: `${DEADLINE_S}s`,
} as const;

export interface Counted {
  uid: number;
  gid: number;
  mode: number;
  isFolder: boolean;
  files: number;
}

const LINE = /^\s*(\d+) (\d+):(\d+):([0-7]+):(.+)$/;

const countedIn = (line: string): Counted[] => {
  const [, files, uid, gid, mode = '', type] = LINE.exec(line) ?? [];
  return type === undefined
    ? []
    : [
        {
          ...{ uid: Number(uid), gid: Number(gid), mode: Number.parseInt(mode, 8) },
          ...{ isFolder: type === 'directory', files: Number(files) },
        },
      ];
};

/** Whether the new user may do with a file what its owner may. */
function isUsable({ uid, gid, mode }: Counted, task: Pick<CensusTask, 'uid' | 'groups'>): boolean {
  const owners = (mode >> 6) & 7;
  const own = uid === task.uid ? owners : task.groups.includes(gid) ? (mode >> 3) & 7 : mode & 7;
  return (owners & own) === owners;
}

export type CensusVerdict =
  | { do: 'Nothing'; reason: string }
  /** The group can be let use what only the owner may. */
  | { do: 'Group'; reason: string }
  | { do: 'Refuse'; reason: string };

export const shownMode = ({ uid, gid, mode, files, isFolder }: Counted): string =>
  `${plural(files, isFolder ? 'folder' : 'file')} of ${uid}:${gid} with mode ${mode.toString(8).padStart(4, '0')}`;

export const total = (counts: readonly Counted[]): number => counts.reduce((sum, { files }) => sum + files, 0);

/** The files by owner and mode, by what the Job wrote of them; the reason in words where that is not known well enough. */
export function censusCounts(log: string): Counted[] | string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const counts = lines.flatMap(countedIn);
  // A file that goes while it is counted is nobody's loss.
  const odd = lines.filter(
    (line) => line !== DONE && !LINE.test(line) && !WHO_LINE.test(line) && !line.includes('No such file'),
  );
  if (!lines.includes(DONE)) return 'the census did not end';
  if (odd.length > 0) return `the census could not look at everything (${plural(odd.length, 'error')})`;
  if (total(counts) > MOST_FILES || counts.length > MOST_GROUPS)
    return `there are more than ${MOST_FILES} files, or ${MOST_GROUPS} owners and modes`;
  return counts;
}

/** What is to be done with the files, by what the Job wrote of them: nothing, the group's step, or not known well enough. */
export function judgeCensus(log: string, task: CensusTask): CensusVerdict {
  const counts = censusCounts(log);
  if (typeof counts === 'string') return { do: 'Refuse', reason: counts };
  if (task.isServing) return judgeServing(counts, task.uid ?? Number(WHO_LINE.exec(log)?.[1] ?? NaN));
  const unusable = counts.filter((one) => !isUsable(one, task));
  const count = plural(total(counts), 'file');
  if (unusable.length === 0)
    return { do: 'Nothing', reason: `the migrated pods may use all of ${count} as their owners may` };
  const reason = `${total(unusable)} of ${count} could not be used, such as ${worstOf(unusable)}`;
  return task.group === null ? { do: 'Refuse', reason } : { do: 'Group', reason };
}

/** The files as their owners may use them, by a user who has none of their groups any more. */
function judgeServing(counts: readonly Counted[], uid: number): CensusVerdict {
  const lost = uid === 0 ? [] : counts.filter((one) => !isUsable(one, { uid, groups: [] }));
  const [who, count] = [Number.isNaN(uid) ? 'the user' : `user ${uid}`, plural(total(counts), 'file')];
  if (lost.length === 0) return { do: 'Nothing', reason: `${who} of the pods that serve needs no group for ${count}` };
  const some = `${total(lost)} of ${count}, such as ${worstOf(lost)}`;
  return { do: 'Refuse', reason: `${who} of the pods that serve may need a group for ${some}` };
}

function worstOf(counts: readonly Counted[]): string {
  const [worst] = counts.toSorted((a, b) => b.files - a.files);
  return worst ? shownMode(worst) : '';
}
