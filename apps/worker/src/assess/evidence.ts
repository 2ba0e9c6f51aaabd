import { imageFacts, type ImageFacts, imagesOf, podTemplateSchema } from '@scc/scc';
import { type SeenNeed, evidenceOf, templateAsRun, usersSeen } from '@scc/scc/scan';
import { ImageReader, type ImageRead, type Registries } from '@scc/runtime/images';
import { podTemplateOf } from '../cluster/objects.js';
import type { AssessedWorkload } from './facts.js';

/** Asks registries what images say of themselves, in bounded time. */
export type ReadImages = (images: Iterable<string>) => Promise<ReadonlyMap<string, ImageRead>>;

/** An assessment waits so long for one image, and for all of a workload, in milliseconds. */
const IMAGE_MS = 8_000;
const ALL_MS = 12_000;

/** Asks none unless the installation names hosts. @throws ConfigError */
export function imagesReader(registries: Registries | null): ReadImages {
  if (registries === null) return () => Promise.resolve(new Map());
  const reader = new ImageReader({ ...registries, imageMs: IMAGE_MS, allMs: ALL_MS });
  return (images) => reader.readAll(images);
}

/** What was seen of a workload's needs, and what of it decides about its template. */
export interface GatheredEvidence extends ImageFacts {
  evidence: SeenNeed[];
}

/** What the live pods and the images of a workload show. The user that runs counts before the one of an image. */
export async function gatherEvidence(
  { object, livePods }: AssessedWorkload,
  readImages: ReadImages,
): Promise<GatheredEvidence> {
  const template = podTemplateSchema.parse(podTemplateOf(object));
  const asRun = templateAsRun(template, livePods);
  const images = await readImages(imagesOf(asRun).map(({ image }) => image));
  const evidence = evidenceOf(template, livePods, images);
  const { imageUsers, imagePorts } = imageFacts(asRun, images);
  const seen = [...usersSeen(evidence)].map(([container, uid]): [string, string] => [container, String(uid)]);
  return { evidence, imageUsers: { ...imageUsers, ...Object.fromEntries(seen) }, imagePorts };
}
