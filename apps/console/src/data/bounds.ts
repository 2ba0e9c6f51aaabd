/** The last sample of each gate, in the order in which the gates first appeared. */
export function lastOfEach<Sample extends { gate: string }>(samples: readonly Sample[]): Sample[] {
  const last = new Map<string, Sample>();
  for (const sample of samples) last.set(sample.gate, sample);
  return [...last.values()];
}

const place = (value: number, size: number): number => Math.round((value / 100) * size * 10) / 10;

/** The least distance between two numbers that stay legible, and the width that one needs at the end. */
const APART = 30;

export interface StepMark {
  x: number;
  y: number;
  canary: number;
  /** Its number is left out where it would cover the one before. */
  hasText: boolean;
}

/** Each step of the weights as a point of its own, so that one that was held for a moment is seen as well. */
export function stepMarks(
  weights: readonly { canary: number; at: string }[],
  { from, to, width, height }: { from: number; to: number; width: number; height: number },
): StepMark[] {
  if (to <= from) return [];
  let free = 0;
  return weights.map(({ canary, at }) => {
    const x = place(((Date.parse(at) - from) / (to - from)) * 100, width);
    const hasText = x >= free && x <= width - APART;
    if (hasText) free = x + APART;
    return { x, y: height - place(canary, height), canary, hasText };
  });
}

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
