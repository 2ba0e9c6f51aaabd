import type { SecurityContextConstraints } from './scc.js';

const SAFE_VOLUMES = new Set(['secret', 'configMap', 'emptyDir', 'downwardAPI', 'projected', 'none']);
const STRATEGY_POINTS = new Map([
  ['RunAsAny', 40_000],
  ['MustRunAsNonRoot', 30_000],
  ['MustRunAsRange', 20_000],
  ['MustRunAs', 10_000],
]);

function volumePoints(volumes: readonly string[]): number {
  if (volumes.includes('*') || volumes.includes('hostPath')) return 200_000;
  return volumes.some((type) => !SAFE_VOLUMES.has(type)) ? 100_000 : 0;
}

const includesAll = (capabilities: readonly string[]): boolean =>
  capabilities.some((name) => name.toUpperCase() === 'ALL');

function capabilityPoints(scc: SecurityContextConstraints): number {
  const allowed = scc.allowedCapabilities ?? [];
  const dropped = scc.requiredDropCapabilities ?? [];
  const points =
    5000 +
    300 * (scc.defaultAddCapabilities?.length ?? 0) +
    (allowed.includes('*') || includesAll(allowed) ? 4000 : 10 * allowed.length) -
    (includesAll(dropped) ? 3000 : 50 * dropped.length);
  return Math.min(9999, Math.max(0, points));
}

/**
 * OpenShift's restrictiveness points of a defaulted SCC: among equal priorities the lower number is tried earlier.
 * A sort key only: fewer points do not mean that one SCC is contained in the other.
 */
export function restrictivenessPoints(scc: SecurityContextConstraints): number {
  return (
    (scc.allowPrivilegedContainer ? 1_600_000 : 0) +
    (scc.allowHostPorts ? 800_000 : 0) +
    (scc.allowHostNetwork ? 400_000 : 0) +
    volumePoints(scc.volumes ?? []) +
    (STRATEGY_POINTS.get(scc.seLinuxContext?.type ?? '') ?? 0) +
    (STRATEGY_POINTS.get(scc.runAsUser?.type ?? '') ?? 0) +
    capabilityPoints(scc)
  );
}
