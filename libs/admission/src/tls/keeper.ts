import type { KubeClient } from '@scc/kube';
import { messageOf, type Logger } from '@scc/runtime';
import type { Bundles } from '@scc/tls';
import { bundleToHold } from './bundles.js';
import { type Entries, type Entry, readEntries, says, writtenEntries } from './entries.js';
import { ADMISSION_API, type InstalledConfiguration, type WebhookTrust } from './trust.js';

/** Owns the entries of the configurations, by server-side apply. */
export const ENTRIES_MANAGER = 'scc-webhook';

/** A mounted Secret or ConfigMap follows within two minutes on every node. */
const SETTLED_AFTER_MS = 10 * 60_000;

export interface KeeperOptions {
  readonly client: Pick<KubeClient, 'apply'>;
  readonly trust: Pick<WebhookTrust, 'bundles' | 'installed'>;
  /** Holds the entries; absent: the configurations are somebody else's. */
  readonly file: string | undefined;
  /** Rotation changes authorities in an order of its own, by `publish`. */
  readonly rotates: boolean;
  /** Why the API server must not be sent here yet, or null. */
  readonly missing: () => string | null;
  readonly logger: Logger;
  readonly now?: () => Date;
}

/**
 * Writes the entries of the installed configurations when this webhook answers, and again whenever they or their
 * authority are others than they should be. A configuration that was deleted stays away: that is the break-glass.
 */
export class EntryKeeper implements Bundles {
  readonly #options: KeeperOptions;
  readonly #written = new Map<string, string>();
  #hasAnswered = false;
  #mine = { authorities: '', since: new Date(0) };
  #working: Promise<void> = Promise.resolve();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  held(): readonly string[] {
    return this.#options.trust.bundles();
  }

  /** @throws Error when the entries cannot be read or written */
  async publish(bundle: string): Promise<void> {
    const { file, trust } = this.#options;
    if (file === undefined)
      throw new Error(
        'WEBHOOK_ENTRIES_FILE is not set: the tool that wrote the webhook configurations must renew caBundle',
      );
    const entries = await readEntries(file);
    for (const installed of trust.installed())
      if (installed.webhooks.length > 0) await this.#write(installed, entries[installed.kind], bundle);
  }

  /** Writes what is due. Tells failures; never throws. @param authorities of what is served, PEM */
  look(authorities: string): Promise<void> {
    this.#working = this.#working.then(() =>
      this.#look(authorities).catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, 'the entries of the webhook cannot be written; tried again');
      }),
    );
    return this.#working;
  }

  async #look(authorities: string): Promise<void> {
    const { file, missing, trust } = this.#options;
    if (file === undefined || missing() !== null) return;
    // The Service leads here a moment after readiness was seen: the first entries wait for the next look.
    const isFirst = !this.#hasAnswered && trust.installed().every(({ webhooks }) => webhooks.length === 0);
    this.#hasAnswered = true;
    if (isFirst) return;
    const now = this.#options.now?.() ?? new Date();
    if (authorities !== this.#mine.authorities) this.#mine = { authorities, since: now };
    const entries: Entries = await readEntries(file);
    const bundle = this.#bundle(now);
    for (const installed of trust.installed()) {
      const wanted = entries[installed.kind];
      if (this.#isDue(installed, wanted, bundle)) await this.#write(installed, wanted, bundle);
    }
  }

  #bundle(now: Date): string {
    const held = this.held();
    const { authorities: mine, since } = this.#mine;
    if (this.#options.rotates) return held.find((one) => one !== '') ?? mine;
    return bundleToHold({ held, mine, isSettled: now.getTime() - since.getTime() > SETTLED_AFTER_MS, now });
  }

  #isDue({ kind, webhooks, isDisabled }: InstalledConfiguration, wanted: readonly Entry[], bundle: string): boolean {
    const byName = new Map(webhooks.map((webhook) => [webhook.name, webhook]));
    const isSaid = writtenEntries(wanted, { bundle, isDisabled }).every((entry) => says(byName.get(entry.name), entry));
    if (!isSaid) return true;
    // A field that is no longer wanted goes by being left out once; an entry of another client stays.
    return webhooks.length > wanted.length && this.#written.get(kind) !== JSON.stringify(wanted);
  }

  async #write({ kind, name, uid, isDisabled }: InstalledConfiguration, wanted: readonly Entry[], bundle: string) {
    const { client, logger } = this.#options;
    const webhooks = writtenEntries(wanted, { bundle, isDisabled });
    // Of the configuration that was seen: none is made where it has just been deleted.
    const object = { apiVersion: ADMISSION_API, kind, metadata: { name, uid }, webhooks };
    await client.apply(object, { fieldManager: ENTRIES_MANAGER, force: true }).catch((error: unknown) => {
      throw new Error(`${kind} ${name}: ${messageOf(error)}`, { cause: error });
    });
    this.#written.set(kind, JSON.stringify(wanted));
    logger.info({ kind, entries: webhooks.length, isDisabled }, 'the entries of the webhook were written');
  }
}
