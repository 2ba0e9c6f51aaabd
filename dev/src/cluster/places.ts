import path from 'node:path';
import { ROOT } from '../paths.js';

/** The one source of the product's manifests. */
export const CHART = path.join(ROOT, 'deploy', 'helm');
/** Its committed renderings, for kustomize and for the local stack: they are read without Helm. */
export const RENDERED = path.join(ROOT, 'deploy', 'kustomize');

export const PLATFORMS = ['kubernetes', 'openshift'] as const;
export type Platform = (typeof PLATFORMS)[number];
