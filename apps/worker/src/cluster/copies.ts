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
