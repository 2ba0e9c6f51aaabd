/** The activities and what they are made of, for suites that run them on a real cluster. */
export { unguardedActivities } from './activities/index.js';
export { readPlan, type ReadPlan } from './activities/plan.js';
export { createInstruments } from './metrics.js';
export { awaitSilence } from './activities/silence.js';
export { noMetrics, prometheusMetrics } from './outside/prometheus.js';
export { routersOf } from './routers.js';
