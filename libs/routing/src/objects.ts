import type { Conflict, PreImage, RoutedObject } from './router.js';

/** An object as sentences name it. */
export const routedName = ({ kind, namespace, name }: RoutedObject): string => `${kind} ${namespace}/${name}`;

/** The words of an undo, or of a look for drift, on a route that is not there any more. */
export const deletedRoute = (id: RoutedObject): Conflict => ({
  object: routedName(id),
  fields: ['metadata'],
  manager: 'an unknown client (it was deleted)',
});

/** The route as it was before the migration. @throws Error when it was not recorded */
export function manifestBefore(images: readonly PreImage[], id: RoutedObject): Record<string, unknown> {
  const image = images.find((one) => one.id.apiVersion === id.apiVersion && routedName(one.id) === routedName(id));
  if (!image?.manifest) throw new Error(`no pre-image of ${routedName(id)} was recorded`);
  return image.manifest;
}
