import { isRecord, PLAN_TYPE, type PlanRef } from '@scc/plan';
import type { LabelSwitch } from '@scc/routing';

/** The plan as owner of what is made for its canary: a tool that prunes leaves it alone, and it goes with the plan. */
export const ownedByPlan = ({ name, uid }: PlanRef) => ({
  ownerReferences: [{ ...PLAN_TYPE, name, uid, controller: true, blockOwnerDeletion: false }],
});

const SELECTORS = ['podAffinity', 'podAntiAffinity', 'topologySpreadConstraints'];

/** A label selector that names the stable pods names the canary's instead. */
function switched(value: unknown, label: LabelSwitch): unknown {
  if (Array.isArray(value)) return value.map((item) => switched(item, label));
  if (!isRecord(value)) return value;
  if (value['key'] === label.key && Array.isArray(value['values']))
    return { ...value, values: value['values'].map((item: unknown) => (item === label.stable ? label.canary : item)) };
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === label.key && item === label.stable ? label.canary : switched(item, label),
    ]),
  );
}

/** The placement of a pod's copy: spread and kept apart among its own kind, not away from the pods that it copies. */
export function placedAsCanary(podSpec: Record<string, unknown>, label: LabelSwitch): Record<string, unknown> {
  const { affinity, ...rest } = podSpec;
  const parts = Object.entries(rest).map(([key, value]): [string, unknown] => [
    key,
    SELECTORS.includes(key) ? switched(value, label) : value,
  ]);
  const placed = isRecord(affinity)
    ? Object.fromEntries(
        Object.entries(affinity).map(([key, value]) => [key, SELECTORS.includes(key) ? switched(value, label) : value]),
      )
    : affinity;
  return { ...Object.fromEntries(parts), ...(placed === undefined ? {} : { affinity: placed }) };
}

const listed = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const pathOf = (source: unknown): unknown => (isRecord(source) ? source['fieldPath'] : undefined);
const namesLabel = (path: unknown, key: string): boolean =>
  path === `metadata.labels['${key}']` || path === `metadata.labels["${key}"]`;

/** A pod's copy whose containers read in their environment what they read in the pods that it copies. */
export function readsAsStable(podSpec: Record<string, unknown>, label: LabelSwitch): Record<string, unknown> {
  const read = (variable: Record<string, unknown>): Record<string, unknown> => {
    const source = variable['valueFrom'];
    const isLabel = isRecord(source) && namesLabel(pathOf(source['fieldRef']), label.key);
    return isLabel ? { name: variable['name'], value: label.stable } : variable;
  };
  const copied = ['initContainers', 'containers']
    .filter((list) => podSpec[list] !== undefined)
    .map((list): [string, unknown] => [
      list,
      listed(podSpec[list]).map((container) =>
        container['env'] === undefined ? container : { ...container, env: listed(container['env']).map(read) },
      ),
    ]);
  return { ...podSpec, ...Object.fromEntries(copied) };
}

/** Volumes whose files show a container the label that the pods of the copy have otherwise; no copy can hide that. */
export function volumesThatShow(podSpec: Record<string, unknown>, label: LabelSwitch): string[] {
  const shows = (source: unknown): boolean =>
    isRecord(source) &&
    listed(source['items']).some((item) => {
      const path = pathOf(item['fieldRef']);
      return path === 'metadata.labels' || namesLabel(path, label.key);
    });
  return listed(podSpec['volumes'])
    .filter(({ downwardAPI, projected }) =>
      [downwardAPI, ...listed(isRecord(projected) ? projected['sources'] : []).map((one) => one['downwardAPI'])].some(
        shows,
      ),
    )
    .map(({ name }) => String(name));
}
