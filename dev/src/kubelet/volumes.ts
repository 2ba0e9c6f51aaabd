import { chown, mkdir, readdir, readFile, rename, rm, writeFile, chmod } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '../errors.js';
import type { KubeletPod, VolumeProjection, KubeletVolume } from './pod-schema.js';
import type { MountedClaim } from './claims.js';
import { giveToGroup } from './fs-group.js';
import { fieldOf, MissingReference, type PodPlace, type References } from './references.js';

interface Token {
  token: string;
  /** In milliseconds since 1970. */
  expiresAt: number;
}

/** Issues a token of the pod's ServiceAccount, bound to the pod. */
export type RequestToken = (asked: { audience: string | undefined; expirationSeconds: number }) => Promise<Token>;

/** The sources that volumes are filled from. */
export interface VolumeSources {
  pod: KubeletPod;
  place: PodPlace;
  references: References;
  token: RequestToken;
  /** Mounts a claim of the pod's namespace; absent where a node mounts none. @throws MissingReference while it cannot */
  claim?: (name: string, readOnly: boolean) => Promise<MountedClaim>;
  /** The clock, in milliseconds since 1970; the machine's unless given. */
  now?: () => number;
}

interface File {
  path: string;
  content: Buffer;
}

/** The files of a volume, and when they have to be made again because a token gets old; null when there is none. */
interface Contents {
  files: File[];
  mode: number;
  renewAt: number | null;
}

/** A kubelet renews a token when this share of its life is over. */
const RENEWED_AT = 0.8;

/** @throws MissingReference when an object or a key is not there */
async function selected(
  kind: 'secret' | 'configMap',
  source: { name: string; optional: boolean; items?: { key: string; path: string }[] | undefined },
  references: References,
): Promise<File[]> {
  const data = await references[kind](source.name);
  if (data === undefined) {
    if (source.optional) return [];
    throw new MissingReference(`${kind} ${source.name} was not found`);
  }
  const items = source.items ?? Object.keys(data).map((key) => ({ key, path: key }));
  return items.flatMap(({ key, path: target }) => {
    const content = data[key];
    if (content !== undefined) return [{ path: target, content }];
    if (source.optional) return [];
    throw new MissingReference(`references non-existent ${kind} key: ${key} of ${source.name}`);
  });
}

const downward = (
  items: { path: string; fieldRef?: { fieldPath: string } | undefined }[],
  { pod, place }: VolumeSources,
): File[] =>
  items.map(({ path: target, fieldRef }) => {
    if (!fieldRef) throw new Error(`downwardAPI ${target}: only fields are known here`);
    return { path: target, content: Buffer.from(fieldOf(pod, place, fieldRef.fieldPath)) };
  });

async function projected(
  { serviceAccountToken, configMap, secret, downwardAPI }: VolumeProjection,
  sources: VolumeSources,
  now: number,
): Promise<{ files: File[]; renewAt: number | null }> {
  const files = [
    ...(configMap ? await selected('configMap', configMap, sources.references) : []),
    ...(secret ? await selected('secret', secret, sources.references) : []),
    ...(downwardAPI ? downward(downwardAPI.items, sources) : []),
  ];
  if (!serviceAccountToken) return { files, renewAt: null };
  const { audience, expirationSeconds } = serviceAccountToken;
  const { token, expiresAt } = await sources.token({ audience, expirationSeconds });
  files.push({ path: serviceAccountToken.path, content: Buffer.from(token) });
  return { files, renewAt: now + (expiresAt - now) * RENEWED_AT };
}

/** The present content of a volume; null for one that the container fills itself. @throws MissingReference, Error when it is of a kind that is not known here */
async function contentsOf(volume: KubeletVolume, sources: VolumeSources, now: number): Promise<Contents | null> {
  const { emptyDir, configMap, secret, downwardAPI, projected: projection } = volume;
  const { references } = sources;
  if (emptyDir) return null;
  if (configMap)
    return { files: await selected('configMap', configMap, references), mode: configMap.defaultMode, renewAt: null };
  if (secret) {
    const files = await selected('secret', { ...secret, name: secret.secretName }, references);
    return { files, mode: secret.defaultMode, renewAt: null };
  }
  if (downwardAPI) return { files: downward(downwardAPI.items, sources), mode: downwardAPI.defaultMode, renewAt: null };
  if (!projection) throw new Error(`volume ${volume.name}: its kind is not known to the nodes of the local stack`);
  const parts = await Promise.all(projection.sources.map((source) => projected(source, sources, now)));
  const times = parts.flatMap(({ renewAt }) => renewAt ?? []);
  return {
    files: parts.flatMap(({ files }) => files),
    mode: projection.defaultMode,
    renewAt: times.length === 0 ? null : Math.min(...times),
  };
}

/** Puts files into a folder, each in one step; those that are no longer part of the volume go. */
async function fill(folder: string, { files, mode }: Contents): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const { path: name, content } of files) {
    const target = path.join(folder, name);
    const before = await readFile(target).catch((error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error;
      return undefined;
    });
    if (before?.equals(content)) continue;
    await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
    const draft = path.join(folder, '..', `${path.basename(folder)}.new`);
    await writeFile(draft, content);
    await chmod(draft, mode);
    await rename(draft, target);
  }
  const wanted = new Set(files.map(({ path: name }) => name.split('/', 1)[0]));
  for (const name of await readdir(folder))
    if (!wanted.has(name)) await rm(path.join(folder, name), { recursive: true });
}

const RENEWAL_CHECK_MS = 10_000;

/** The volumes of one pod, as folders below one of its own. */
export class Volumes {
  readonly #folder: string;
  readonly #sources: VolumeSources;
  readonly #now: () => number;
  readonly #renewAt = new Map<string, number>();
  readonly #claims = new Map<string, MountedClaim>();
  /** What writes to the folder now; one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(folder: string, sources: VolumeSources) {
    this.#folder = folder;
    this.#sources = sources;
    this.#now = sources.now ?? Date.now;
  }

  /** Where a volume is. */
  pathOf(name: string): string {
    return this.#claims.get(name)?.folder ?? path.join(this.#folder, name);
  }

  /** Whether no container may write to it, whatever its mount says. */
  isReadOnly(name: string): boolean {
    return this.#claims.get(name)?.readOnly ?? false;
  }

  /** Makes and fills every volume. @param owner who may write to an emptyDir @throws MissingReference */
  prepare(owner: { uid: number; gid: number } | null): Promise<void> {
    return this.#write(async (volume) => {
      if (volume.emptyDir) await this.#emptyDir(volume.name, owner);
      else if (volume.persistentVolumeClaim)
        await this.#mount(volume.name, volume.persistentVolumeClaim, owner !== null);
      else await this.#refresh(volume);
    });
  }

  /** Brings the volumes up to date as a kubelet does from time to time: Secrets, ConfigMaps, tokens that get old. */
  refresh(): Promise<void> {
    return this.#write(async (volume) => {
      if (!volume.emptyDir && !volume.persistentVolumeClaim) await this.#refresh(volume);
    });
  }

  /** Returns once nothing of this writes to the folder any more, whoever asks for it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing.catch(() => undefined);
  }

  #write(fillOne: (volume: KubeletVolume) => Promise<void>): Promise<void> {
    const all = async (): Promise<void> => {
      for (const volume of this.#sources.pod.spec.volumes) if (!this.#closed) await fillOne(volume);
    };
    this.#writing = this.#writing.then(all, all);
    return this.#writing;
  }

  /** How long until `refresh` has something to do at the latest, in milliseconds. */
  nextRefreshMs(): number {
    const now = this.#now();
    return Math.max(0, Math.min(RENEWAL_CHECK_MS, ...[...this.#renewAt.values()].map((at) => at - now)));
  }

  async #emptyDir(name: string, owner: { uid: number; gid: number } | null): Promise<void> {
    const folder = this.pathOf(name);
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o777);
    if (owner) await chown(folder, owner.uid, owner.gid);
  }

  /** Once for each pod: a container that starts again finds its volume as it left it. */
  async #mount(
    name: string,
    { claimName, readOnly }: NonNullable<KubeletVolume['persistentVolumeClaim']>,
    mayChown: boolean,
  ): Promise<void> {
    if (this.#claims.has(name)) return;
    const { claim, pod } = this.#sources;
    if (!claim) throw new Error(`volume ${name}: this node mounts no claims`);
    const mounted = await claim(claimName, readOnly);
    const { fsGroup: gid, fsGroupChangePolicy: policy } = pod.spec.securityContext;
    if (gid !== undefined && mounted.givesToGroup && mayChown)
      await giveToGroup(mounted.folder, { gid, policy, readOnly: mounted.readOnly });
    this.#claims.set(name, mounted);
  }

  async #refresh(volume: KubeletVolume): Promise<void> {
    const due = this.#renewAt.get(volume.name);
    const now = this.#now();
    // A token that is still young is not asked for again.
    if (due !== undefined && due > now) return;
    const contents = await contentsOf(volume, this.#sources, now);
    if (!contents) return;
    await fill(this.pathOf(volume.name), contents);
    if (contents.renewAt !== null) this.#renewAt.set(volume.name, contents.renewAt);
  }
}
