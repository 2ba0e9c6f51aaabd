/** The last sample of each gate, in the order in which the gates first appeared. */
export function lastOfEach<Sample extends { gate: string }>(samples: readonly Sample[]): Sample[] {
  const last = new Map<string, Sample>();
  for (const sample of samples) last.set(sample.gate, sample);
  return [...last.values()];
}

const place = (value: number, size: number): number => Math.round((value / 100) * size * 10) / 10;

/**
 * The weights as a line of steps in a box: time to the right, share of the canary upwards.
 * @returns an SVG path; empty where there is nothing to draw
 */
export function stepPath(
  weights: readonly { canary: number; at: string }[],
  { from, to, width, height }: { from: number; to: number; width: number; height: number },
): string {
  if (weights.length === 0 || to <= from) return '';
  const x = (at: string): number => place(((Date.parse(at) - from) / (to - from)) * 100, width);
  const y = (canary: number): number => height - place(canary, height);
  let path = `M 0 ${height}`;
  for (const { canary, at } of weights) path += ` H ${x(at)} V ${y(canary)}`;
  return `${path} H ${width}`;
}
