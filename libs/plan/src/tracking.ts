/** Keys by which a delivery tool knows its own objects: a copy that carries one is pruned, or fought over. */
const TRACKING = [
  /^app\.kubernetes\.io\/(instance|managed-by)$/,
  /^argocd\.argoproj\.io\//,
  /^([a-z0-9-]+\.)?toolkit\.fluxcd\.io\//,
  /^meta\.helm\.sh\//,
  /^helm\.sh\//,
  /^olm\./,
  /^operators\.coreos\.com\//,
  /^deployment\.kubernetes\.io\/revision$/,
  /^kubectl\.kubernetes\.io\/last-applied-configuration$/,
];

/** Labels or annotations without what belongs to one object's own life or to the tool that delivers it. */
export const untracked = (
  marks: Record<string, string> | undefined,
  kept: readonly string[] = [],
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(marks ?? {}).filter(([key]) => kept.includes(key) || !TRACKING.some((pattern) => pattern.test(key))),
  );
