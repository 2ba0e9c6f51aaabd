import { ProxiesUnseen, RoutesBehind, type Watched } from '@scc/routing';
import { serviceHost } from './hosts.js';

/** How long proxies that are away are waited for before that is said as what is tried again, in milliseconds. */
const SAID_MS = 4_500;
/** How long they are waited for in all, in milliseconds: after that the change counts as not taken over. */
const GIVEN_UP_MS = 30_000;

const keyOf = (watched: Watched): string =>
  watched.services.map(({ canary }) => serviceHost(canary, watched)).join(',');

/**
 * Proxies that were seen to route to Services, and that no istiod knows at the moment: one that has just started learns
 * of them one by one. Until a proxy is back it keeps the routes that it had, which may lead to a canary.
 */
export class ProxiesAway {
  /** By the Services: each proxy, and since when it is away. */
  private readonly seen = new Map<string, Map<string, number | null>>();

  /**
   * @param isRunning whether the pod of a proxy still runs and may send requests
   * @param now by the monotonic clock, in milliseconds
   */
  constructor(
    private readonly isRunning: (id: string) => Promise<boolean>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Notes that a proxy routes to the Services. */
  remember(watched: Watched, id: string): void {
    const key = keyOf(watched);
    const proxies = this.seen.get(key) ?? new Map<string, number | null>();
    this.seen.set(key, proxies.set(id, null));
  }

  /** Forgets the proxies of Services that no route of theirs leads to a canary any more. */
  forget(watched: Watched): void {
    this.seen.delete(keyOf(watched));
  }

  /** The proxies that are away although their pods run, the longest first; those whose pods have ended are forgotten. */
  async missing(watched: Watched, connected: ReadonlySet<string>): Promise<Away | null> {
    const proxies = this.seen.get(keyOf(watched)) ?? new Map<string, number | null>();
    const away: { id: string; sinceMs: number }[] = [];
    for (const [id, since] of proxies) {
      if (connected.has(id)) proxies.set(id, null);
      else if (await this.isRunning(id)) {
        const sinceMs = since ?? this.now();
        proxies.set(id, sinceMs);
        away.push({ id, sinceMs });
      } else proxies.delete(id);
    }
    if (away.length === 0) return null;
    const forMs = this.now() - Math.min(...away.map(({ sinceMs }) => sinceMs));
    return { ids: away.map(({ id }) => id).toSorted(), forMs };
  }
}

/** Proxies whose pods run, and which no istiod knows. */
export interface Away {
  ids: string[];
  /** For how long the first of them, in milliseconds. */
  forMs: number;
}

/**
 * What is missing while proxies are away, in words.
 * @param waitedMs how long this try has waited
 * @throws ProxiesUnseen once this should be said; RoutesBehind once they are no longer waited for
 */
export function awaitedOf({ ids, forMs }: Away, waitedMs: number): string {
  const sentence = `${ids.join(', ')} had a route to the workload and is connected to no istiod that is asked, although its pod runs: its requests go where they went before`;
  if (forMs >= GIVEN_UP_MS)
    throw new RoutesBehind(`after ${GIVEN_UP_MS / 1000} s ${sentence}; delete a pod that does not come back`);
  if (waitedMs >= SAID_MS) throw new ProxiesUnseen(`${sentence}, for ${Math.round(forMs / 1000)} s`, false);
  return sentence;
}
