import type { Affinity, ServicePair, Split, Testers, Verified } from './router.js';

/** Services of one namespace, as proxies are asked about them. */
export interface Watched {
  namespace: string;
  /** Of the cluster; absent: `cluster.local`. */
  domain?: string;
  services: ServicePair[];
  /** Whether their requests are also routed as plain connections, which listeners route. */
  hasStreams: boolean;
  /** Subsets, as `SERVICE/SUBSET`, that pick pods of other workloads: what they get is not divided. */
  foreign?: ReadonlySet<string>;
  /** Whose requests all go to the canary, beside its share. */
  testers?: Testers | undefined;
  /** By which clients that met the canary stay there while it has a share. */
  affinity?: Affinity | undefined;
  /**
   * Namespaces whose proxies need not be seen, since the plan accepts that. Absent: it is not kept what it accepts, and
   * no proxy is missed of which nothing is known.
   */
  unasked?: ReadonlySet<string> | undefined;
}

/** Tells when what was written has arrived where requests are routed. Routers of one mesh share it. */
export interface RouteProof {
  /** Whether it only waits: nothing tells when proxies have followed. */
  readonly isBlind: boolean;
  /**
   * Waits until all that know a Service have its ready endpoints, and none of pods that are gone.
   * @throws RoutesBehind
   */
  endpoints: (watched: Watched, sides: { stable: boolean; canary: boolean }) => Promise<void>;
  /**
   * Changes routes and waits until they are followed.
   * @param split null: no route names a canary any more
   * @param again writes the same routes in other words, so that who computes from them does it anew
   * @throws RoutesBehind, NotServed
   */
  follow: (
    watched: Watched,
    split: Split | null,
    change: () => Promise<void>,
    again: () => Promise<void>,
  ) => Promise<Verified>;
}
