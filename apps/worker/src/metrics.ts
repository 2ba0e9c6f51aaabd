import { addGauge } from '@scc/runtime';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

/** The worker's figures for Prometheus. */
export interface Instruments {
  /** Runs an activity and counts it by its name and how it ended. */
  measured: <T>(activity: string, work: () => Promise<T>) => Promise<T>;
  exposition: () => Promise<{ contentType: string; body: string }>;
  /** Counts an Event that the API server did not take. */
  eventRefused: () => void;
  /** Shows from now on whether the worker takes tasks. */
  showPolling: (isPolling: () => boolean) => void;
}

/** From the call of one API object to a hold of hours. */
const BUCKETS_S = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000];

/** @param more figures of others, in the text format of Prometheus, that are shown beside the worker's own */
export function createInstruments(more: () => Promise<string> = () => Promise.resolve('')): Instruments {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'scc_activity_duration_seconds',
    help: 'How long activities took, by name',
    labelNames: ['activity'],
    buckets: BUCKETS_S,
    registers: [registry],
  });
  const ended = new Counter({
    name: 'scc_activities_total',
    help: 'Activities that ended, by name and outcome',
    labelNames: ['activity', 'outcome'],
    registers: [registry],
  });
  const events = new Counter({
    name: 'scc_events_refused_total',
    help: 'Events that the API server refused: the status of the plan says the same',
    registers: [registry],
  });
  return {
    eventRefused: () => events.inc(),
    measured: async (activity, work) => {
      const stop = duration.startTimer({ activity });
      try {
        const result = await work();
        ended.inc({ activity, outcome: 'done' });
        return result;
      } catch (error) {
        ended.inc({ activity, outcome: 'failed' });
        throw error;
      } finally {
        stop();
      }
    },
    showPolling: (isPolling) => {
      const help = '1 while the worker takes tasks from Temporal.';
      addGauge(registry, { name: 'scc_worker_polling', help, read: () => Number(isPolling()) });
    },
    exposition: async () => ({
      contentType: registry.contentType,
      body: (await Promise.all([registry.metrics(), more()])).join('\n'),
    }),
  };
}
