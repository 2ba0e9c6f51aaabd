/**
 * How much more than in the gate the suites do: the one home of that knob. `npm run verify` sets SCC_TEST_SCALE to a
 * multiple and SCC_TEST_SEED to a number of its own for each round; without them a suite is as it is written.
 */
const SCALE = Number(process.env['SCC_TEST_SCALE'] ?? 1);
const SEED = process.env['SCC_TEST_SEED'];

/** A number of cases, or the milliseconds that they may take, at the scale of this run. */
export const scaled = (count: number): number => Math.round(count * SCALE);

/** The seed of this run, or that of the suite. */
export const seedOf = (own: number): number => (SEED === undefined ? own : Number(SEED));

/** fast-check's parameters for a property. Without a seed of its own a suite draws one in every run. */
export const cases = (numRuns: number, ownSeed?: number): { numRuns: number; seed?: number } => ({
  numRuns: scaled(numRuns),
  ...(SEED === undefined && ownSeed === undefined ? {} : { seed: seedOf(ownSeed ?? 0) }),
});

/** A file of SCC decisions (JSON lines, perhaps gzipped) to check beside the recorded ones. */
export const extraCases = process.env['SCC_TEST_CASES'];

/** The major version of Helm that installs the chart on a stack. */
export const helmMajor = process.env['SCC_TEST_HELM'] === '3' ? 3 : 4;
