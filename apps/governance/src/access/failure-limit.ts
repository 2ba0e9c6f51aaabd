const DEFAULT_BURST = 20;
const PER_SECOND = 1 / 3;
const MAX_ADDRESSES = 10_000;

/** How many failed authentications one address may have: 20 at once, then 20 a minute. Remembers a bounded number. */
export class FailureLimit {
  readonly #buckets = new Map<string, { left: number; at: number }>();
  readonly #now: () => number;
  readonly #burst: number;

  constructor(now: () => number, burst = DEFAULT_BURST) {
    this.#now = now;
    this.#burst = burst;
  }

  /** Seconds until the address may fail again; 0 when it may now. */
  waitSeconds(address: string): number {
    const left = this.#left(address);
    return left >= 1 ? 0 : Math.ceil((1 - left) / PER_SECOND);
  }

  record(address: string): void {
    const left = Math.max(0, this.#left(address) - 1);
    const network = networkOf(address);
    this.#buckets.delete(network);
    this.#buckets.set(network, { left, at: this.#now() });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_ADDRESSES && oldest !== undefined) this.#buckets.delete(oldest);
  }

  #left(address: string): number {
    const bucket = this.#buckets.get(networkOf(address));
    if (!bucket) return this.#burst;
    return Math.min(this.#burst, bucket.left + ((this.#now() - bucket.at) / 1000) * PER_SECOND);
  }
}

/** One host of IPv6 has a whole network of addresses: what is counted are its first 64 bits. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = ''] = address.split('::');
  return head.split(':').slice(0, 4).join(':');
}
