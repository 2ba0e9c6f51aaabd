const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * A plan's duration in milliseconds.
 * @throws RangeError when the text is not a duration of the plan schema.
 */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) throw new RangeError(`not a duration: ${text}`);
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}
