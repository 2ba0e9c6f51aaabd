export interface Backoff {
  firstMs: number;
  lastMs: number;
}

/**
 * How long to wait before the attempt that follows `failures` failures in a row: doubling, bounded, and spread over the
 * upper half, so that many clients of one server that comes back do not all come back to it at once.
 */
export function backoffMs(failures: number, { firstMs, lastMs }: Backoff, random: () => number = Math.random): number {
  if (failures <= 0) return 0;
  const full = Math.min(firstMs * 2 ** (failures - 1), lastMs);
  return full / 2 + (full / 2) * random();
}
