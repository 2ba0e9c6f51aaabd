import { getPriority } from 'node:os';

/** Runs for ever. */
export function spin(): never {
  for (;;);
}

export const twice = (value: number): number => value * 2;

export function fail(): never {
  throw new RangeError('as told');
}

/** Holds more and more. */
export function hoard(): number {
  const held: number[][] = [];
  for (;;) held.push(Array.from({ length: 100_000 }, Math.random));
}

export const echo = (value: unknown): unknown => value;

export const priority = (): number => getPriority();
