import { z } from 'zod';
import { type ImageAnswers, imagesOf, userIdOf } from '../migration/images.js';
import { type Pod, podSchema, type PodTemplate } from '../model/pod.js';
import { type ClusterObject, clusterObjectSchema } from './objects.js';
import type { SeenNeed } from './report.js';

/** The users that the first processes of a pod's containers run as, where the kubelet says so (Kubernetes 1.31). */
const statusSchema = z.looseObject({
  status: z.looseObject({
    containerStatuses: z.array(
      z.looseObject({
        name: z.string(),
        imageID: z.string().nullish(),
        user: z.looseObject({ linux: z.looseObject({ uid: z.int() }).nullish() }).nullish(),
      }),
    ),
  }),
});

/** A user id that was seen, and in how many pods of how many. */
export interface SeenUser {
  readonly container: string;
  readonly uid: number;
  readonly seenIn: number;
  readonly pods: number;
}

const liveIn = (pods: readonly unknown[]): LivePod[] =>
  pods.flatMap((pod): LivePod[] => {
    const [object, parsed] = [clusterObjectSchema.safeParse(pod).data, podSchema.safeParse(pod).data];
    return object && parsed ? [[object, parsed]] : [];
  });

/**
 * What live pods of a workload, as the API server shows them, and its images tell of its needs.
 * @param images answers about the images of `templateAsRun`
 */
export function evidenceOf(template: PodTemplate, pods: readonly unknown[], images: ImageAnswers): SeenNeed[] {
  const live = liveIn(pods);
  return [...seenUsers(template, live).map(runningUser), ...imageEvidence(imagesAsRun(template, live), images)];
}

/** The template with the digests that its live pods, as the API server shows them, run in place of tags. */
export const templateAsRun = (template: PodTemplate, pods: readonly unknown[]): PodTemplate =>
  imagesAsRun(template, liveIn(pods));

export const runningUser = (seen: SeenUser): SeenNeed => ({ source: 'running user', ...seen });

type LivePod = readonly [object: ClusterObject, pod: Pod];

/** Whether neither the pod nor the container names a user, so that the image decides. */
const isOfImage = ({ spec }: Pod, container: Pod['spec']['containers'][number]): boolean =>
  container.securityContext?.runAsUser == null && spec.securityContext?.runAsUser == null;

const DIGEST = /@(sha256:[0-9a-f]{64})$/;
/** `repository` of `repository:tag`; a port of the registry is no tag. */
const TAG = /:[\w][\w.-]*$/;

const statusesOf = (object: ClusterObject) => statusSchema.safeParse(object).data?.status.containerStatuses ?? [];

/** The digest of an image that a container runs now; undefined where the pod runs another image, or does not say. */
function digestIn([object, pod]: LivePod, name: string, image: unknown): string | undefined {
  if (pod.spec.containers.find((one) => one.name === name)?.['image'] !== image) return undefined;
  const id = statusesOf(object).find((one) => one.name === name)?.imageID ?? '';
  return DIGEST.exec(id)?.[1];
}

/**
 * A template with the digests that its live pods run in place of tags, so that what is read of an image is of what runs,
 * and not of what its tag points to by now. Pods that run several leave the tag.
 */
export function imagesAsRun(template: PodTemplate, live: readonly LivePod[]): PodTemplate {
  if (live.length === 0) return template;
  const containers = template.spec.containers.map((container) => {
    const { name, image } = container;
    if (typeof image !== 'string' || image.includes('@')) return container;
    const digests = new Set(live.flatMap((pod) => digestIn(pod, name, image) ?? []));
    const [digest] = digests;
    return digest === undefined || digests.size > 1
      ? container
      : { ...container, image: `${image.replace(TAG, '')}@${digest}` };
  });
  return { ...template, spec: { ...template.spec, containers } };
}

/** The uid of a container that runs this image, where the image decided it. */
function uidFromImage([object, pod]: LivePod, name: string, image: unknown): number | undefined {
  const container = pod.spec.containers.find((one) => one.name === name);
  if (container?.['image'] !== image || !container || !isOfImage(pod, container)) return undefined;
  return statusesOf(object).find((one) => one.name === name)?.user?.linux?.uid;
}

/**
 * What live pods show of the users that images bring. A container whose pods differ, whose image is another one by now,
 * or whose user was given by an SCC or a template, shows nothing.
 */
export function seenUsers({ spec }: PodTemplate, live: readonly LivePod[]): SeenUser[] {
  return spec.containers.flatMap(({ name, image }): SeenUser[] => {
    const uids = live.flatMap((pod) => uidFromImage(pod, name, image) ?? []);
    const [uid] = uids;
    if (uid === undefined || new Set(uids).size > 1) return [];
    return [{ container: name, uid, seenIn: uids.length, pods: live.length }];
  });
}

/** What the images of a template say, and which were not read; nothing where none was looked at. */
export const imageEvidence = (template: PodTemplate, answers: ImageAnswers): SeenNeed[] =>
  imagesOf(template).flatMap(({ container, image }): SeenNeed[] => {
    const answer = answers.get(image);
    if (!answer) return [];
    if (!answer.read) return [{ source: 'image not read', container, image, reason: answer.reason }];
    const { reference, digest, platform, user, ports, volumes } = answer;
    return [
      {
        source: 'image',
        container,
        image: reference,
        digest,
        platform,
        user,
        ports: [...ports],
        volumes: [...volumes],
      },
    ];
  });

/** The user ids that evidence shows of containers; one that was seen running counts before that of an image. */
export function usersSeen(evidence: readonly SeenNeed[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const one of evidence) {
    const uid = one.source === 'image' ? userIdOf(one.user) : undefined;
    if (uid !== undefined) found.set(one.container, uid);
  }
  for (const one of evidence) if (one.source === 'running user') found.set(one.container, one.uid);
  return found;
}
