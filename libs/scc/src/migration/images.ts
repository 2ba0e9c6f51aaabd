import type { PodTemplate } from '../model/pod.js';

/** The configuration of an image as its registry has it, or why it was not read. */
export type ImageAnswer =
  | {
      readonly read: true;
      /** The name under which it was read. */
      readonly reference: string;
      readonly digest: string;
      readonly platform: string;
      /** `USER`; '' is root. */
      readonly user: string;
      /** Ports that it says it listens on. */
      readonly ports: readonly number[];
      /** Directories that it declares as volumes. */
      readonly volumes: readonly string[];
    }
  | { readonly read: false; readonly reason: string };

export type ImageAnswers = ReadonlyMap<string, ImageAnswer>;

/** What the images of a template say of its containers. */
export interface ImageFacts {
  readonly imageUsers: Readonly<Record<string, string>>;
  readonly imagePorts: Readonly<Record<string, readonly number[]>>;
}

/** The id of a USER: none is root, and a name can be any id. */
export function userIdOf(user: string): number | undefined {
  if (user === '') return 0;
  const [uid = ''] = user.split(':');
  return /^\d+$/.test(uid) ? Number(uid) : undefined;
}

const containersOf = ({ spec }: PodTemplate) => [...(spec.initContainers ?? []), ...spec.containers];

/** The image of each container of a template that names one. */
export const imagesOf = (template: PodTemplate): { container: string; image: string }[] =>
  containersOf(template).flatMap(({ name, image }) =>
    typeof image === 'string' && image !== '' ? [{ container: name, image }] : [],
  );

/** What the images that were read say of the containers of a template. */
export function imageFacts(template: PodTemplate, answers: ImageAnswers): ImageFacts {
  const known = imagesOf(template).flatMap(({ container, image }) => {
    const answer = answers.get(image);
    return answer?.read === true ? [[container, answer] as const] : [];
  });
  return {
    imageUsers: Object.fromEntries(known.map(([container, { user }]) => [container, user])),
    imagePorts: Object.fromEntries(known.map(([container, { ports }]) => [container, ports])),
  };
}
