import { ProxiesUnseen, RoutesBehind, type Watched } from '@scc/routing';
import { serviceHost } from './hosts.js';

/** How long proxies that are away are waited for before that is said as what is tried again, in milliseconds. */
const SAID_MS = 4_500;
/** How long they are waited for in all, in milliseconds: after that the change counts as not taken over. */
const GIVEN_UP_MS = 30_000;

/** Of so many workloads at once it is remembered who routes to them: what is forgotten counts as not known. */
const MAX_KEPT = 256;
/** Names that a sentence lists. */
const MAX_NAMES = 5;

const keyOf = (watched: Watched): string =>
  watched.services.map(({ canary }) => serviceHost(canary, watched)).join(',');

const namespaceOf = (id: string): string => id.slice(id.lastIndexOf('.') + 1);

/** What is known of the proxies that may route to some Services. */
interface Known {
  /** Since when each is away, and whether it was seen to route there, or only not seen not to. */
  routing: Map<string, { since: number | null; isSeen: boolean }>;
  /** Seen to have no route there. */
  unrelated: Set<string>;
}

/**
 * Proxies that route to Services, and that no istiod knows at the moment: one that has just started learns of them one
 * by one. Until a proxy is back it keeps the routes that it had, which may lead to a canary. Another worker may have
 * seen one route there and have ended since: a proxy of which nothing is known counts as one that does.
 */
export class ProxiesAway {
  /** By the Services, those asked about last at the end. */
  private readonly kept = new Map<string, Known>();

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
    const { routing, unrelated } = this.of(watched);
    routing.set(id, { since: null, isSeen: true });
    unrelated.delete(id);
  }

  /** Notes that a proxy was seen to have no route to the Services. One that had one may still have it. */
  acquit(watched: Watched, id: string): void {
    const { routing, unrelated } = this.of(watched);
    if (routing.get(id)?.isSeen) return;
    routing.delete(id);
    unrelated.add(id);
  }

  /**
   * Notes those of the running proxies that are away and of which nothing is known.
   * @param running all whose pods may send requests
   */
  suspect(watched: Watched, running: ReadonlySet<string>, connected: ReadonlySet<string>): void {
    const { routing, unrelated } = this.of(watched);
    const { unasked } = watched;
    for (const id of running) {
      const isKnown = connected.has(id) || routing.has(id) || unrelated.has(id);
      if (unasked && !isKnown && !unasked.has(namespaceOf(id))) routing.set(id, { since: null, isSeen: false });
    }
  }

  /** Forgets the proxies of Services that no route of theirs leads to a canary any more. */
  forget(watched: Watched): void {
    this.kept.delete(keyOf(watched));
  }

  /**
   * The proxies that are away although their pods run, the longest first; those whose pods have ended are forgotten.
   * @param isWayBack those of which nothing is known hold it up no longer than they are waited for: it must come to an end
   */
  async missing(watched: Watched, connected: ReadonlySet<string>, isWayBack = false): Promise<Away | null> {
    const { routing, unrelated } = this.of(watched);
    const away: { id: string; sinceMs: number; isSeen: boolean }[] = [];
    for (const [id, { since, isSeen }] of routing) {
      if (connected.has(id)) routing.set(id, { since: null, isSeen });
      else if (await this.isRunning(id)) {
        const sinceMs = since ?? this.now();
        routing.set(id, { since: sinceMs, isSeen });
        if (isSeen || !isWayBack || this.now() - sinceMs < GIVEN_UP_MS) away.push({ id, sinceMs, isSeen });
        else {
          routing.delete(id);
          unrelated.add(id);
        }
      } else routing.delete(id);
    }
    if (away.length === 0) return null;
    const forMs = this.now() - Math.min(...away.map(({ sinceMs }) => sinceMs));
    return { ids: away.map(({ id }) => id).toSorted(), areSeen: away.every(({ isSeen }) => isSeen), forMs };
  }

  private of(watched: Watched): Known {
    const key = keyOf(watched);
    const known = this.kept.get(key) ?? { routing: new Map<string, never>(), unrelated: new Set<string>() };
    this.kept.delete(key);
    const [oldest] = this.kept.keys();
    if (oldest !== undefined && this.kept.size >= MAX_KEPT) this.kept.delete(oldest);
    this.kept.set(key, known);
    return known;
  }
}

/** Proxies whose pods run, and which no istiod knows. */
export interface Away {
  ids: string[];
  /** Whether each was seen to route to the workload; else of some nothing is known. */
  areSeen: boolean;
  /** For how long the first of them, in milliseconds. */
  forMs: number;
}

/**
 * What is missing while proxies are away, in words.
 * @param waitedMs how long this try has waited
 * @throws ProxiesUnseen once this should be said; RoutesBehind once they are no longer waited for
 */
export function awaitedOf({ ids, areSeen, forMs }: Away, waitedMs: number): string {
  const shown = ids.length > MAX_NAMES ? [...ids.slice(0, MAX_NAMES), `${ids.length - MAX_NAMES} more`] : ids;
  const sentence = `${shown.join(', ')} ${areSeen ? 'had' : 'may have had'} a route to the workload and is connected to no istiod that is asked, although its pod runs: its requests go where they went before`;
  if (forMs >= GIVEN_UP_MS)
    throw new RoutesBehind(`after ${GIVEN_UP_MS / 1000} s ${sentence}; delete a pod that does not come back`);
  if (waitedMs >= SAID_MS) throw new ProxiesUnseen(`${sentence}, for ${Math.round(forMs / 1000)} s`, false);
  return sentence;
}
