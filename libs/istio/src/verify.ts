import { setTimeout as delay } from 'node:timers/promises';
import { isSticky, NotServed, RoutesBehind, type Split, type Watched } from '@scc/routing';
import { type Away, awaitedOf, ProxiesAway } from './away.js';
import { serviceHost } from './hosts.js';
import {
  dividesBy,
  mentions,
  mirrorsTo,
  observedEndpoints,
  observedShares,
  withoutHosts,
  apartFrom,
  meetsReturning,
  meetsTesters,
  type ObservedShare,
} from './observed.js';
import type { ProxyState, ProxyView } from './proxies.js';

const POLL_MS = 60;
const CONFIRM_MS = 40;
const AT_ONCE = 8;
/** How long a proxy may show other routes after a push before they are written again, in milliseconds. */
const STUCK_MS = 2_000;
const MAX_AGAIN = 3;
/** So many times as long a proxy may be sent nothing: istiod waits for more changes before it pushes them. */
const UNSENT_TIMES = 3;

export interface VerifierOptions {
  view: ProxyView;
  /** How long proxies may take, in milliseconds. */
  timeoutMs: number;
  /** How long a proxy may show other routes after a push, in milliseconds. */
  stuckMs?: number;
  /** Of the work that waits now; aborting it ends the wait. */
  signal: () => AbortSignal | undefined;
  /** Whether the pod of a proxy, POD.NAMESPACE, still runs and may send requests. */
  isRunning: (id: string) => Promise<boolean>;
  /** All proxies, as POD.NAMESPACE, whose pods may send requests; absent, or null: they cannot be listed. */
  running?: () => Promise<ReadonlySet<string> | null>;
}

/** Whether a proxy does as wanted; null when its configuration does not name the Services at all. */
type Judgement = boolean | null;

/** What a proxy had at its last push. */
interface Look {
  judgement: Judgement;
  nonces: string;
  /** When it was first seen so, by the monotonic clock. */
  atMs: number;
}

/** How routes were before a change, by proxy. */
export type Before = Map<string, Look>;

const noncesOf = ({ routes, listeners }: ProxyState, { hasStreams }: Watched): { sent: string; acked: string } => ({
  sent: routes.sent + (hasStreams ? `/${listeners.sent}` : ''),
  acked: routes.acked + (hasStreams ? `/${listeners.acked}` : ''),
});

/** Whether a nonce says that anything was sent. */
const wasSent = (nonces: string): boolean => /[^/]/.test(nonces);

const inParts = <Item>(items: readonly Item[]): Item[][] =>
  Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_part, index) =>
    items.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );

async function inTurns<Item, Result>(items: Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const part of inParts(items)) results.push(...(await Promise.all(part.map(work))));
  return results;
}

/** A canary's Service has a listener of its own, to which the workload's name does not route. */
const sharesOf = (listeners: unknown[], watched: Watched): ObservedShare[] =>
  observedShares(listeners, watched, watched.services, watched.foreign).filter(
    ({ canary, total }) => total > 1 || canary === 0,
  );
const isMixed = ({ canary }: ObservedShare): boolean => canary > 0;

/** A route of the user's may ask for the same header: it is divided as all others are. */
const isShared = ({ canary, total }: ObservedShare): boolean => canary < total;
/** Whether those who are led to the canary have a route there for each Service that others have one to. */
const areServed = (shares: readonly ObservedShare[], led: readonly ObservedShare[]): boolean =>
  shares.every(({ service }) => led.some((one) => one.service === service && !isShared(one)));

/**
 * How routes divide the requests of all who are not led to the canary beside its share; null when somebody is not led
 * there and should be. Who should not be, and is, has a share that is none of those asked for.
 */
function sharesIn(routes: unknown, watched: Watched, split: Split): ObservedShare[] | null {
  const { services, foreign, testers, affinity } = watched;
  const sharesOf = (dump: unknown): ObservedShare[] => observedShares(dump, watched, services, foreign);
  const [ofTesters, ofReturning]: [unknown[], unknown[]] = [[], []];
  const all = testers ? apartFrom(routes, (route) => meetsTesters(route, testers), ofTesters) : routes;
  const others = affinity ? apartFrom(all, (route) => meetsReturning(route, affinity), ofReturning) : all;
  let shares = sharesOf(others);
  for (const [apart, isLed] of [
    [ofTesters, Boolean(testers && !testers.isHeld)],
    [ofReturning, Boolean(affinity && isSticky(split))],
  ] as const) {
    const found = sharesOf(apart);
    shares = [...shares, ...(isLed ? found.filter(isShared) : found)];
    if (isLed && !areServed(shares, found)) return null;
  }
  return shares;
}

const canariesOf = (watched: Watched): string[] => watched.services.map(({ canary }) => serviceHost(canary, watched));

/** Whether routes and listeners that name the Services divide as wanted. */
function dividesAs(
  { routes, listeners }: { routes: unknown; listeners: unknown[] },
  watched: Watched,
  split: Split | null,
): boolean {
  const canaries = canariesOf(watched);
  if (split === null) return !mentions(routes, canaries) && !sharesOf(listeners, watched).some(isMixed);
  const mirrored = mirrorsTo(routes);
  if (split.mirror === null && canaries.some((host) => mirrored.has(host))) return false;
  const shares = sharesIn(routes, watched, split);
  if (shares === null) return false;
  const isMirrorOwed = split.mirror !== null && !split.mirror.isPartial && shares.length > 0;
  const mirrors = !isMirrorOwed || canaries.some((host) => mirrored.has(host));
  return mirrors && dividesBy([...shares, ...sharesOf(listeners, watched)], split.canary);
}

/** Which endpoints of a Service a proxy lacks or keeps; one that does not know the workload needs none. */
function lackOf(
  dump: ReadonlyMap<string, ReadonlySet<string>>,
  { service, known, ready, all }: { service: string; known: string; ready: Set<string>; all: Set<string> },
  place: Watched,
): string | null {
  if (!dump.has(serviceHost(known, place))) return null;
  const seen = dump.get(serviceHost(service, place)) ?? new Set<string>();
  const missing = [...ready].filter((address) => !seen.has(address));
  const gone = [...seen].filter((address) => !all.has(address));
  if (missing.length) return `does not know ${missing.length} of ${ready.size} endpoints of ${service}`;
  return gone.length ? `still knows ${gone.length} endpoints of ${service} that are gone` : null;
}

const notServed = ({ namespace, services }: Watched): NotServed =>
  new NotServed(
    `no proxy of the mesh has a route to ${services.map(({ name }) => `${name}.${namespace}`).join(', ')}, so that no request can be given to the canary`,
  );

/** Tells when every proxy of the mesh does what the routes say. */
export class Verifier {
  private readonly away: ProxiesAway;

  constructor(private readonly options: VerifierOptions) {
    this.away = new ProxiesAway(options.isRunning);
  }

  /** To be taken right before the routes are changed. */
  async before(watched: Watched, split: Split | null): Promise<Before> {
    // Pods first: one whose proxy is connected is ready after that.
    const running = watched.unasked ? await this.options.running?.() : null;
    const proxies = await this.options.view.proxies();
    if (running) this.away.suspect(watched, running, new Set(proxies.map(({ id }) => id)));
    const entries = await inTurns(proxies, async (proxy) => {
      const nonces = noncesOf(proxy, watched).sent;
      const judgement = await this.isAsWanted(proxy, watched, split);
      if (judgement !== null) this.away.remember(watched, proxy.id);
      return [proxy.id, { judgement, nonces, atMs: performance.now() }] as const;
    });
    return new Map(entries);
  }

  /**
   * Waits until every proxy was sent the routes as wanted and has acknowledged them. `split` null: none of them names a
   * canary any more. Proxies whose configuration does not name the Services are not waited for; one that did, or of
   * which nothing is known, and that no istiod knows at the moment, is as long as its pod runs.
   *
   * A dump shows what istiod pushes from now on; only a new nonce says that this push has gone out. One that is made
   * while istiod takes a change over can leave the routes before it in istiod's cache, which proxies then get, and keep:
   * one dump is asked for after each push, none in between, and what others' dumps have left is computed anew once the
   * routes are written again.
   * @param again writes the same routes in other words
   * @returns how many proxies were judged, at least one when the canary is to get requests; none is waited for as well
   * @throws RoutesBehind, NotServed, ProxiesUnseen
   */
  async routes(
    watched: Watched,
    split: Split | null,
    before: Before,
    again: () => Promise<void> = () => Promise.resolve(),
  ): Promise<number> {
    const begunMs = performance.now();
    const { stuckMs = STUCK_MS } = this.options;
    const found: { judged: number; away: Away | null } = { judged: 0, away: null };
    const usesCanary = split !== null && (split.canary > 0 || split.mirror !== null);
    const isWayBack = split === null || split.isUndo === true;
    const looks = new Map(before);
    const stuck = new Set<Look>();
    let written = 0;
    const lookAt = async (proxy: ProxyState, nonces: string): Promise<Look> => {
      const last = looks.get(proxy.id);
      if (last?.nonces === nonces) return last;
      const judgement = await this.isAsWanted(proxy, watched, split);
      const look = { judgement, nonces, atMs: performance.now() };
      looks.set(proxy.id, look);
      return look;
    };
    const lacking = async (): Promise<string[]> => {
      const proxies = await this.options.view.proxies();
      const answers = await inTurns(proxies, async (proxy) => {
        const { sent, acked } = noncesOf(proxy, watched);
        const look = await lookAt(proxy, sent);
        if (look.judgement === null) return null;
        this.away.remember(watched, proxy.id);
        // One that was never sent anything has nothing to be in step with.
        const isInStep = sent === acked && wasSent(sent);
        // One that had other routes before may never be sent these: another try has written them, and nothing changed.
        const bearableMs = before.get(proxy.id) === look ? UNSENT_TIMES * stuckMs : stuckMs;
        if (isInStep && !look.judgement && performance.now() - look.atMs >= bearableMs) stuck.add(look);
        return isInStep && look.judgement ? [] : [proxy.id];
      });
      const known = answers.filter((answer) => answer !== null);
      found.judged = known.length;
      found.away = await this.away.missing(watched, new Set(proxies.map(({ id }) => id)), isWayBack);
      return known.flat();
    };
    const behind = async (): Promise<string | null> => {
      const late = await lacking();
      if (stuck.size && written < MAX_AGAIN) {
        written += 1;
        await again();
        for (const look of stuck) look.atMs = performance.now();
      }
      stuck.clear();
      if (late.length) return `${late.join(', ')} did not take over the routes`;
      if (found.away !== null) return awaitedOf(found.away, performance.now() - begunMs);
      // An istiod that has just started knows no proxy yet.
      return found.judged === 0 && usesCanary ? 'no proxy has a route' : null;
    };
    try {
      await this.until(async () => {
        const first = await behind();
        if (first !== null) return first;
        await delay(CONFIRM_MS);
        return behind();
      });
    } catch (error) {
      const isServed = found.judged > 0 || found.away !== null;
      throw error instanceof RoutesBehind && !isServed && usesCanary ? notServed(watched) : error;
    }
    if (split === null) this.away.forget(watched);
    return found.judged;
  }

  /** The proxies that an istiod which is asked knows, as POD.NAMESPACE. */
  async connected(): Promise<ReadonlySet<string>> {
    return new Set((await this.options.view.proxies()).map(({ id }) => id));
  }

  /** Whether the configuration of any proxy names one of the Services. */
  async serves(watched: Watched): Promise<boolean> {
    const proxies = await this.options.view.proxies();
    const answers = await inTurns(proxies, (proxy) => this.isAsWanted(proxy, watched, null));
    return answers.some((answer) => answer !== null);
  }

  /**
   * Waits until istiod gives all proxies that know a Service its ready endpoints and none of pods that are gone. Routes
   * that are changed afterwards follow these endpoints to the proxies: pushes keep their order.
   * @param ready addresses by service, and all that exist
   * @throws RoutesBehind
   */
  async endpoints(
    watched: Watched,
    sides: { stable: boolean; canary: boolean },
    addresses: (service: string) => Promise<{ ready: Set<string>; all: Set<string> }>,
  ): Promise<void> {
    const wanted = watched.services.flatMap(({ name, canary }) => [
      ...(sides.stable ? [{ service: name, known: name }] : []),
      ...(sides.canary ? [{ service: canary, known: name }] : []),
    ]);
    let lacked = '';
    await this.until(async () => {
      const proxies = await this.options.view.proxies();
      const sides = await Promise.all(
        wanted.map(async ({ service, known }) => ({ service, known, ...(await addresses(service)) })),
      );
      // Nothing is asked of the others until the one that lacked something has it.
      for (const some of [
        proxies.filter(({ id }) => id === lacked),
        ...inParts(proxies.filter(({ id }) => id !== lacked)),
      ]) {
        const dumps = await Promise.all(
          some.map(async (proxy) => ({
            who: proxy.id,
            // One that has left knows nothing, and gets all that is there when it comes back.
            dump: observedEndpoints((await this.options.view.dump(proxy, 'eds')) ?? []),
          })),
        );
        const late = dumps
          .flatMap(({ who, dump }) => sides.map((side) => ({ who, lack: lackOf(dump, side, watched) })))
          .find(({ lack }) => lack !== null);
        if (!late) continue;
        lacked = late.who;
        return `${late.who} ${late.lack}`;
      }
      return null;
    });
  }

  /** The routes and listeners that a proxy was given; null of one that has left. */
  private async configurationOf(proxy: ProxyState, hasStreams: boolean) {
    const { view } = this.options;
    const given = await view.dump(proxy, 'rds');
    const listeners = hasStreams && given !== null ? await view.dump(proxy, 'lds') : [];
    return given === null || listeners === null ? null : { given, listeners };
  }

  private async isAsWanted(proxy: ProxyState, watched: Watched, split: Split | null): Promise<Judgement> {
    const { services, hasStreams } = watched;
    const canaries = canariesOf(watched);
    const configuration = await this.configurationOf(proxy, hasStreams);
    if (configuration === null) return null;
    const { given, listeners } = configuration;
    const routes = withoutHosts(given, canaries);
    const hosts = [...canaries, ...services.map(({ name }) => serviceHost(name, watched))];
    if (!mentions(routes, hosts) && !mentions(listeners, hosts)) {
      if (wasSent(noncesOf(proxy, watched).sent)) this.away.acquit(watched, proxy.id);
      return null;
    }
    return dividesAs({ routes, listeners }, watched, split);
  }

  /** Asks until the answer is null; the last answer says what is missing. */
  private async until(missing: () => Promise<string | null>): Promise<void> {
    const deadline = performance.now() + this.options.timeoutMs;
    const signal = this.options.signal();
    for (;;) {
      signal?.throwIfAborted();
      const answer = await missing();
      if (answer === null) return;
      if (performance.now() >= deadline) throw new RoutesBehind(`after ${this.options.timeoutMs / 1000} s ${answer}`);
      await delay(POLL_MS, undefined, { signal });
    }
  }
}
