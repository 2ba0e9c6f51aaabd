import type { CompiledSCC } from '../model/compile.js';
import { type Container, type Pod, type PodTemplate } from '../model/pod.js';
import { podOf, type WorkloadContext } from './facts.js';
import { userIdOf } from './images.js';
import { clip } from '../rules/findings.js';

export type RiskName =
  | 'image-runs-as-root'
  | 'files-owned-by-another-user'
  | 'volume-owned-by-another-user'
  | 'recursive-chown'
  | 'selinux-relabel'
  | 'privileged-port'
  | 'file-capabilities'
  | 'capabilities-withdrawn'
  | 'seccomp-newly-applied'
  | 'seccomp-removed'
  | 'read-only-root-filesystem'
  | 'privileged-withdrawn'
  | 'sysctls-withdrawn'
  | 'groups-withdrawn'
  | 'selinux-options-withdrawn'
  | 'seccomp-changed'
  | 'host-resources-withdrawn';

/** Something that may fail after an SCC admitted the pod, because the template does not show it. */
export interface Risk {
  readonly name: RiskName;
  /** Names of the containers concerned; empty when it concerns the whole pod. */
  readonly containers: readonly string[];
  readonly cause: string;
  /** How it shows when it happens. */
  readonly symptom: string;
  /** How to find out beforehand. */
  readonly check: string;
  readonly remedy: string;
  /** False when the known facts prove it; true when they cannot tell. */
  readonly uncertain: boolean;
}

export interface Change {
  /** The template before any edit. */
  readonly template: PodTemplate;
  /** The pod as the target leaves it. */
  readonly after: Pod;
  readonly target: CompiledSCC;
  readonly facts: WorkloadContext;
}

export interface Pair {
  readonly name: string;
  readonly before: Container | undefined;
  readonly after: Container;
  readonly uidBefore: number | undefined;
  readonly uidAfter: number | undefined;
}

export interface Compared extends Change {
  readonly before: Pod;
  readonly pairs: readonly Pair[];
}

const uidOf = (pod: Pod, container: Container | undefined): number | undefined =>
  container?.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? undefined;

/** A numeric USER of a container's image. */
export function imageUid({ imageUsers }: WorkloadContext, name: string): number | undefined {
  const user = imageUsers?.[name];
  return user === undefined ? undefined : userIdOf(user);
}

/** Containers before and after, by name. Before is what runs, where that is known, else what the template says. */
export function compared(change: Change): Compared {
  const before = change.facts.runningPod ?? podOf(change.template, change.facts);
  const all = (pod: Pod) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const byName = new Map(all(before).map((container) => [container.name, container]));
  const pairs = all(change.after).map((after) => {
    const previous = byName.get(after.name);
    const fromImage = imageUid(change.facts, after.name);
    return {
      name: after.name,
      before: previous,
      after,
      uidBefore: uidOf(before, previous) ?? fromImage,
      uidAfter: uidOf(change.after, after) ?? fromImage,
    };
  });
  return { ...change, before, pairs };
}

/** Whether the image names its user by a word, which the kubelet refuses where it has to tell it from root. */
export const hasNamedUser = ({ imageUsers }: WorkloadContext, name: string): boolean =>
  /\D/.test((imageUsers?.[name] ?? '').split(':')[0] ?? '');

export type RiskRule = (change: Compared) => readonly Risk[];
export const names = (pairs: readonly Pair[]): string[] => pairs.map(({ name }) => name);
export const risk = (
  containers: readonly string[],
  found: Omit<Risk, 'containers' | 'uncertain'> & { uncertain?: boolean },
): readonly Risk[] => [{ uncertain: true, ...found, containers }];

/** Things that one risk names; the others are counted. */
const MAX_NAMED = 20;

/** Names in a sentence, of which there may be any number. */
export function listed(items: readonly string[]): string {
  const shown = items.slice(0, MAX_NAMED).map((item) => clip(item, 100));
  const more = items.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** The form of a word for one or for several. */
export const are = (items: readonly string[], one: string, several: string): string =>
  items.length === 1 ? one : several;
