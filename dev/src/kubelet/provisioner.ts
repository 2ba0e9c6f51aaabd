import { mkdir, rm } from 'node:fs/promises';
import { isConflict, isNotFound } from '@scc/kube';
import { pause, type Logger } from '@scc/runtime';
import { z } from 'zod';
import type { ClusterApi } from '../cluster/api.js';
import { STORAGE_DRIVER } from '../cluster/storage.js';
import { folderOfVolume } from './claims.js';

const RETRY_MS = 200;
const CLAIMS = '/api/v1/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
/** By which Kubernetes says who has to provision a claim, and a provisioner what it made. */
const ASKED = 'volume.kubernetes.io/storage-provisioner';
const MADE = 'pv.kubernetes.io/provisioned-by';

const annotations = z.record(z.string(), z.string()).default({});
const claimSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), uid: z.string(), annotations }),
  spec: z.looseObject({
    volumeName: z.string().optional(),
    storageClassName: z.string().optional(),
    accessModes: z.array(z.string()).default([]),
    resources: z.looseObject({ requests: z.record(z.string(), z.string()) }),
  }),
});
const volumeSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), annotations }),
  spec: z.looseObject({ persistentVolumeReclaimPolicy: z.string().optional() }),
  status: z.looseObject({ phase: z.string().optional() }).prefault({}),
});
type Claim = z.infer<typeof claimSchema>;

/** The PersistentVolume for a claim; null while the claim waits for none of ours. */
export function volumeFor(claim: unknown): { metadata: { name: string } } | null {
  const { metadata, spec }: Claim = claimSchema.parse(claim);
  if (metadata.annotations[ASKED] !== STORAGE_DRIVER || spec.volumeName !== undefined) return null;
  const name = `pvc-${metadata.uid}`;
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { [MADE]: STORAGE_DRIVER } },
    spec: {
      capacity: { storage: spec.resources.requests['storage'] },
      accessModes: spec.accessModes,
      storageClassName: spec.storageClassName,
      persistentVolumeReclaimPolicy: 'Delete',
      csi: { driver: STORAGE_DRIVER, volumeHandle: name, fsType: 'ext4' },
      claimRef: {
        ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
        ...{ namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
      },
    },
  };
  return volume;
}

/** The name of a volume of ours that nothing claims any more and that is to go; null for any other. */
export function releasedVolume(volume: unknown): string | null {
  const { metadata, spec, status } = volumeSchema.parse(volume);
  const isOurs = metadata.annotations[MADE] === STORAGE_DRIVER;
  return isOurs && status.phase === 'Released' && spec.persistentVolumeReclaimPolicy === 'Delete'
    ? metadata.name
    : null;
}

interface ProvisionerOptions {
  api: ClusterApi;
  stateDir: string;
  logger: Logger;
}

/** Makes a folder for each claim of its StorageClass, and removes it when the claim is gone. */
export class Provisioner {
  readonly #api: ClusterApi;
  readonly #stateDir: string;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();

  constructor({ api, stateDir, logger }: ProvisionerOptions) {
    this.#api = api;
    this.#stateDir = stateDir;
    this.#logger = logger;
  }

  start(): void {
    void this.#follow(CLAIMS, (claim) => this.#provision(claim));
    void this.#follow(VOLUMES, (volume) => this.#remove(volume));
  }

  stop(): void {
    this.#stopping.abort();
    this.#api.close();
  }

  /** A failed event is met again by the next list. */
  async #follow(place: string, handle: (object: unknown) => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await this.#listAndWatch(place, handle).catch((error: unknown) => {
        if (!signal.aborted) this.#logger.warn({ err: error, place }, 'watch of the provisioner ended, listing again');
      });
      if (signal.aborted) return;
      await pause(RETRY_MS, signal);
    }
  }

  async #listAndWatch(place: string, handle: (object: unknown) => Promise<void>): Promise<void> {
    const { items, resourceVersion } = await this.#api.list(place);
    for (const item of items) await handle(item);
    for await (const { type, object } of this.#api.watch(place, resourceVersion, this.#stopping.signal))
      if (type !== 'DELETED') await handle(object);
  }

  async #provision(claim: unknown): Promise<void> {
    const volume = volumeFor(claim);
    if (!volume) return;
    // As a new file system is: root's own, and closed to the group.
    await mkdir(folderOfVolume(this.#stateDir, volume.metadata.name), { recursive: true, mode: 0o755 });
    await this.#api.create(VOLUMES, volume).catch((error: unknown) => {
      if (!isConflict(error)) throw error;
    });
  }

  async #remove(volume: unknown): Promise<void> {
    const name = releasedVolume(volume);
    if (name === null) return;
    await rm(folderOfVolume(this.#stateDir, name), { recursive: true, force: true });
    await this.#api.call('DELETE', `${VOLUMES}/${name}`).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
