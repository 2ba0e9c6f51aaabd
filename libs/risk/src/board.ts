import { type CampaignSpec, LEAST_REACHABLE, type Member, memberKey, waveHash, wavesOf } from '@scc/plan';
import { type ClusterObject, isMovable, type ScanRow } from '@scc/scc/scan';
import { callsAmong, configMapsOf } from './calls.js';
import { criticalityOf } from './criticality.js';

/** A member of a campaign, with what its place in the order is made of. */
export interface BoardMember extends Member {
  readonly sourceSCC: string | null;
  /** Why it has its place in the order. */
  readonly why: string;
}

/** All of a campaign before anything is done. */
export interface Board {
  readonly waves: readonly { readonly hash: string; readonly workloads: readonly BoardMember[] }[];
  /** Selected workloads that no plan can move, and why. */
  readonly left: readonly { readonly workload: string; readonly reason: string }[];
}

interface Scanned {
  readonly objects: readonly ClusterObject[];
  /** Judged against the campaign's target, or against the usual aim for `LeastReachable`. */
  readonly rows: readonly ScanRow[];
}

type Labels = Readonly<Record<string, string>>;
const has = (labels: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** The labels of namespaces by name, and of workloads by `memberKey`. */
function labelsOf(objects: readonly ClusterObject[]): (key: string) => Labels {
  const found = new Map<string, Labels>();
  for (const { kind, metadata } of objects) {
    const { namespace, name, labels } = metadata;
    if (kind === 'Namespace') found.set(name, labels ?? {});
    else if (namespace) found.set(memberKey({ namespace, kind, name }), labels ?? {});
  }
  return (key) => found.get(key) ?? {};
}

/** Unknown counts as half. */
const criticality = (value: number | null): number => Math.round(60 * (value ?? 0.5));
const MOST_REPLICAS = 10;

/** The risk by which waves are ordered, from what a scan sees: it says which comes first, and is no probability. */
function placeInOrder(row: ScanRow, workloadLabels: Labels, namespaceLabels: Labels): { risk: number; why: string } {
  const { value, from } = criticalityOf({ workloadLabels, namespaceLabels, priorityClassName: null });
  const parts: (readonly [number, string])[] = [
    [criticality(value), from],
    [row.category === 'Patch' ? 15 : 0, 'its template changes'],
    [row.risks.some(({ uncertain }) => uncertain) ? 5 : 0, 'what the change does is not certain'],
    [row.ways.length > 0 ? 10 : 0, 'requests reach it'],
    [row.strategy === 'Canary' ? 0 : 10, 'its own pods change one by one'],
    [Math.min(row.replicas ?? 1, MOST_REPLICAS), 'its pods'],
  ];
  const counted = parts.filter(([points]) => points > 0);
  return {
    risk: counted.reduce((sum, [points]) => sum + points, 0),
    why: counted.map(([points, words]) => `${points} ${words}`).join(', '),
  };
}

function reasonToLeave(row: ScanRow, targetSCC: string): string | null {
  if (row.category === 'Strict') return `it runs under ${row.current ?? 'an SCC'} already`;
  if (row.obstacles.length > 0) return row.obstacles.join('; ');
  if (!isMovable(row)) return row.blockers[0] ?? `no plan can move it: ${row.category}`;
  if (targetSCC !== LEAST_REACHABLE && row.target !== targetSCC)
    return `it reaches ${row.target ?? 'no stricter SCC'}, not ${targetSCC}`;
  return null;
}

/** The rows of the workloads that a campaign names. */
function selectedBy(spec: CampaignSpec, { objects, rows }: Scanned): readonly ScanRow[] {
  const labels = labelsOf(objects);
  const listed = spec.workloads && new Set(spec.workloads.map(memberKey));
  return rows.filter((row) => {
    if (listed) return listed.has(memberKey(row));
    const wanted = spec.selector;
    if (!wanted?.kinds.some((kind) => kind === row.kind)) return false;
    if (wanted.namespaces.length > 0 && !wanted.namespaces.includes(row.namespace)) return false;
    if (wanted.sourceSCC !== undefined && row.current !== wanted.sourceSCC) return false;
    return has(labels(row.namespace), wanted.namespaceLabels) && has(labels(memberKey(row)), wanted.labels);
  });
}

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

/** The ConfigMaps to read before a board is made, and to give it among the objects: what is in them says who calls whom. */
export const configMapsFor = (spec: CampaignSpec, scanned: Scanned) =>
  configMapsOf(selectedBy(spec, scanned), scanned.objects).map((place) => ({ ...CONFIG_MAP, ...place }));

const MOST_NAMED = 5;

/** The words for ConfigMaps that could not be read: what is unknown is said. */
export const callersUnread = (refused: readonly { readonly namespace?: string; readonly name: string }[]): string => {
  const named = refused.slice(0, MOST_NAMED).map(({ namespace = '', name }) => `${namespace}/${name}`);
  const more = refused.length > MOST_NAMED ? ` and ${refused.length - MOST_NAMED} more` : '';
  return `callers in ConfigMaps not read: no right to get ${named.join(', ')}${more}`;
};

/**
 * The waves of a campaign, from a scan of the cluster.
 * @throws RangeError when more workloads are selected than a campaign may have
 */
export function boardOf(spec: CampaignSpec, { objects, rows }: Scanned, most: number): Board {
  const labels = labelsOf(objects);
  const listed = spec.workloads && new Map(spec.workloads.map((one) => [memberKey(one), one]));
  const selected = selectedBy(spec, { objects, rows });
  const left: { workload: string; reason: string }[] = [];
  const members = selected.flatMap((row): BoardMember[] => {
    const reason = reasonToLeave(row, spec.targetSCC);
    if (reason !== null || row.target === null) {
      left.push({ workload: memberKey(row), reason: reason ?? 'no stricter SCC is known' });
      return [];
    }
    const { namespace, kind, name, serviceAccount, target: targetSCC, current: sourceSCC } = row;
    const order = placeInOrder(row, labels(memberKey(row)), labels(namespace));
    return [{ namespace, kind, name, serviceAccount, targetSCC, sourceSCC, ...order }];
  });
  const seen = new Set(selected.map(memberKey));
  for (const key of listed?.keys() ?? [])
    if (!seen.has(key)) left.push({ workload: key, reason: 'the cluster has no such workload' });
  if (members.length > most)
    throw new RangeError(`it selects ${members.length} workloads, and a campaign has at most ${most}`);
  const placed = [...(listed ?? [])].flatMap(([key, { wave }]): [string, number][] =>
    wave === undefined ? [] : [[key, wave]],
  );
  const calls = callsAmong(members, objects);
  const known = members.map((member) => {
    const called = calls.get(memberKey(member));
    return called ? { ...member, calls: called } : member;
  });
  const waves = wavesOf(known, spec, new Map(placed));
  return { waves: waves.map((workloads) => ({ hash: waveHash(workloads), workloads })), left };
}
