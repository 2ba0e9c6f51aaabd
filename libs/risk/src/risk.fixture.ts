import { NO_HISTORY } from './history.js';
import type { Signals } from './signals.js';

/** Signals of a plan about which everything is known and nothing is special. */
export const someSignals = (over: Partial<Signals> = {}): Signals => ({
  privilege: {
    loss: 0.4,
    lossIfDeclared: 0.1,
    spread: 0,
    used: ['root user'],
    undeclared: ['capabilities', 'seccomp'],
    exposure: 0,
    gained: [],
    unknown: [],
    evidence: [],
  },
  blast: { pods: 3, requestsPerSecond: 50, dependents: 2, largestStep: 0.25 },
  criticality: { value: 1 / 3, from: 'a label' },
  history: NO_HISTORY,
  timing: { traffic: 0.3, changesLastDay: 1, hoursToSpare: 8 },
  ...over,
});
