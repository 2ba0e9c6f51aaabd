import type { RouterCounters } from '@scc/openshift-route';
import { numberOf } from './yielded.js';
import type { Counters, When, Yielded } from './counter-queries.js';
import { sumOf } from './counters.js';
import { ROUTER_ANSWERS, ROUTER_ARRIVED, routerAnswers, routerArrived, routerSessions } from './flavours.js';

/** Over which stretch clients that hold a cookie must have been silent, in milliseconds: at least two scrapes of OpenShift's routers. */
const QUIET_MS = 60_000;
const SCRAPES = 2;

interface Asked {
  answerTo: (query: string, namespace: string) => Promise<Yielded[]>;
  counters: Counters;
  /** A moment of ours by the clock that stamps the samples, and that clock's now. */
  theirs: (namespace: string, sinceMs: number) => Promise<When>;
}

/** What OpenShift's routers count of the servers that are the pods of Services. */
export const routerCounters = ({ answerTo, counters, theirs }: Asked): RouterCounters => {
  const one = async (query: string, namespace: string): Promise<number | null> => {
    const value = (await answerTo(query, namespace))[0]?.value?.[1];
    return value === undefined ? null : numberOf(value);
  };
  return {
    sees: async (namespace, services) => {
      const answers = routerAnswers({ namespace, services: [...services] });
      // A Prometheus that does not answer sees nothing now, and gates say the rest.
      return one(`count(${answers})`, namespace).then(
        (count) => count !== null && count > 0,
        () => false,
      );
    },
    recent: async (namespace, services, quietMs = QUIET_MS) => {
      const scope = { namespace, services: [...services] };
      const selector = routerArrived(scope);
      const scrapeMs = ((await counters.interval(selector, namespace)) ?? 0) * 1000;
      const overMs = Math.max(quietMs, SCRAPES * scrapeMs);
      const series = await counters.series(selector, ROUTER_ARRIVED, await theirs(namespace, Date.now() - overMs));
      if (series.length === 0) return null;
      const [answers, connections] = [true, false].map((isAnswer) =>
        sumOf(series.filter(({ labels }) => (labels['__name__'] === ROUTER_ANSWERS) === isAnswer)),
      );
      const standing = await one(`sum(${routerSessions(scope)})`, namespace);
      // Each request of a connection that is kept is counted by its answer, and what is passed through as a connection.
      return { requests: Math.max(answers ?? 0, connections ?? 0), standing: standing ?? 0, overMs };
    },
  };
};
