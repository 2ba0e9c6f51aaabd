import { messageOf } from '@scc/runtime';
import { ImageReader, type ImageRead } from '@scc/runtime/images';
import { CliError, EXIT } from '../exit.js';

/** The registries that may be asked of images, and the authority that they are trusted by. */
export interface ImageOptions {
  images?: string[];
  imagesCa?: string;
}

/** What registries say of images, each asked once; nothing without the option. */
export async function readImages(
  images: Iterable<string>,
  { images: hosts, imagesCa: caFile }: ImageOptions,
): Promise<ReadonlyMap<string, ImageRead>> {
  if (hosts === undefined) return new Map();
  let reader: ImageReader;
  try {
    reader = new ImageReader({ hosts: hosts.join(','), caFile });
  } catch (error) {
    throw new CliError(`--images: ${messageOf(error)}`, null, EXIT.usage);
  }
  try {
    return await reader.readAll(images);
  } finally {
    reader.close();
  }
}
