import type { KubeObject } from '@scc/kube';
import { isRecord } from '@scc/plan';
import { GROUP, type RouteKind } from './schema.js';

/** The definition of a kind of routes, whose schema says what its release can do. */
export const definitionOf = (kind: RouteKind) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  name: `${kind.toLowerCase()}s.${GROUP}`,
});

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value);

const PROPERTIES = ['schema', 'openAPIV3Schema', 'properties', 'spec', 'properties', 'rules', 'items', 'properties'];
const MIRROR = ['filters', 'items', 'properties', 'requestMirror', 'properties'];

/**
 * Whether a mirror of this kind of routes can be given a share of the requests, by the schema of `v1`. The release that
 * a definition names tells nothing: a vendor may serve a schema of its own.
 */
export function hasMirrorPercent(definition: KubeObject | undefined): boolean {
  const versions = at(definition, ['spec', 'versions']);
  const v1: unknown = Array.isArray(versions)
    ? versions.find((version) => isRecord(version) && version['name'] === 'v1')
    : undefined;
  return isRecord(at(v1, [...PROPERTIES, ...MIRROR, 'percent']));
}
