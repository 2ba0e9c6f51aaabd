import { setTimeout as delay } from 'node:timers/promises';
import { addressesOf, isForbidden, type KubeClient } from '@scc/kube';
import { hasProxy, isCalling, type RouteProof, type Split, type Verified, type Watched } from '@scc/routing';
import type { ProxyView } from './proxies.js';
import { Verifier } from './verify.js';

/** How long proxies may take to follow a change of routes, in milliseconds. */
const PROXIES_TIMEOUT_MS = 30_000;

export interface IstioProofOptions {
  kube: Pick<KubeClient, 'get' | 'list'>;
  /** Absent: routes are given `boundMs` to reach all proxies. */
  view?: ProxyView;
  boundMs: number;
  /** Of the work that waits now; aborting it ends the wait. */
  signal: () => AbortSignal | undefined;
}

/** Routes of the Gateway API that istiod carries out name one of its controllers in their status. */
export const isIstioController = (name: string): boolean => name.startsWith('istio.io/');

/** Whether the pod of a proxy, POD.NAMESPACE, runs; a proxy outside of pods cannot be looked for. */
async function runsProxy(kube: Pick<KubeClient, 'get'>, id: string): Promise<boolean> {
  const dot = id.lastIndexOf('.');
  if (dot < 1 || dot === id.length - 1) return false;
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: id.slice(dot + 1), name: id.slice(0, dot) };
  const found = await kube.get(pod);
  return found !== undefined && isCalling(found);
}

/** How long a list of pods counts as the newest, in milliseconds: many migrations may ask at once. */
const LIST_LASTS_MS = 2_000;

/** The proxies of pods that may send requests, as POD.NAMESPACE; null where pods may not be listed. */
async function listRunning(kube: Pick<KubeClient, 'list'>): Promise<ReadonlySet<string> | null> {
  try {
    const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { fieldSelector: 'status.phase=Running' });
    const proxies = items.filter((pod) => hasProxy(pod) && isCalling(pod));
    return new Set(proxies.map(({ metadata: { name = '', namespace = '' } }) => `${name}.${namespace}`));
  } catch (error) {
    if (isForbidden(error)) return null;
    throw error;
  }
}

/** Asks istiod what each proxy of the mesh has, whichever objects its routes were made from. */
export class IstioProof implements RouteProof {
  private readonly verifier: Verifier | null;
  private listed: { atMs: number; proxies: Promise<ReadonlySet<string> | null> } | null = null;

  constructor(private readonly options: IstioProofOptions) {
    const { kube, view, signal } = options;
    const isRunning = (id: string): Promise<boolean> => runsProxy(kube, id);
    const running = (): Promise<ReadonlySet<string> | null> => this.running();
    this.verifier = view ? new Verifier({ view, timeoutMs: PROXIES_TIMEOUT_MS, signal, isRunning, running }) : null;
  }

  get isBlind(): boolean {
    return this.verifier === null;
  }

  /** Whether the configuration of any proxy names one of the Services; true where no proxy can be asked. */
  async serves(watched: Watched): Promise<boolean> {
    return this.verifier === null || this.verifier.serves(watched);
  }

  /** The proxies that can be asked, as POD.NAMESPACE; null where none can. */
  async connected(): Promise<ReadonlySet<string> | null> {
    return (await this.verifier?.connected()) ?? null;
  }

  async endpoints(watched: Watched, sides: { stable: boolean; canary: boolean }): Promise<void> {
    const { kube } = this.options;
    await this.verifier?.endpoints(watched, sides, (service) => addressesOf(kube, watched.namespace, service));
  }

  async follow(
    watched: Watched,
    split: Split | null,
    change: () => Promise<void>,
    again: () => Promise<void>,
  ): Promise<Verified> {
    if (!this.verifier) {
      await change();
      await delay(this.options.boundMs, undefined, { signal: this.options.signal() });
      return { verifiedBy: 'bound' };
    }
    const before = await this.verifier.before(watched, split);
    await change();
    const judged = await this.verifier.routes(watched, split, before, again);
    return { verifiedBy: judged > 0 ? 'proxies' : 'bound' };
  }

  /** All proxies whose pods run; a list that failed is asked for again. */
  private running(): Promise<ReadonlySet<string> | null> {
    const { listed } = this;
    if (listed && performance.now() - listed.atMs < LIST_LASTS_MS) return listed.proxies;
    const proxies = listRunning(this.options.kube);
    this.listed = { atMs: performance.now(), proxies };
    proxies.catch(() => (this.listed = null));
    return proxies;
  }
}
