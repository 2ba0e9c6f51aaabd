import type { SecurityContextConstraints } from '../model/scc.js';
import { defaultSCCs } from './default-sccs.js';

/** The releases of OpenShift 4 whose default SCCs are known, by their second number. */
const KNOWN = { first: 11, last: 22 } as const;
export const KNOWN_RELEASES = `4.${KNOWN.first} to 4.${KNOWN.last}`;

/** The first release with each of the default SCCs that came after the first known one. */
const SCC_SINCE: Readonly<Record<string, number>> = {
  'hostmount-anyuid-v2': 17,
  'restricted-v3': 20,
  'nested-container': 20,
};
/** The first release whose default SCCs permit a kind of volume; `privileged` permits all of them by `*`. */
const VOLUME_SINCE: Readonly<Record<string, number>> = { csi: 13, image: 20 };

const isKnown = (minor: number): boolean => minor >= KNOWN.first && minor <= KNOWN.last;

/**
 * The default SCCs of a release of OpenShift. The caller owns the objects.
 * @param release such as `4.18`
 * @returns null for a release whose SCCs are not known
 */
export function defaultSCCsOf(release: string): SecurityContextConstraints[] | null {
  const minor = Number(/^4\.(\d{1,3})$/.exec(release)?.[1]);
  if (!isKnown(minor)) return null;
  return defaultSCCs()
    .filter(({ metadata: { name } }) => (SCC_SINCE[name] ?? 0) <= minor)
    .map((scc) => ({
      ...scc,
      volumes: scc.volumes?.filter((volume) => (VOLUME_SINCE[volume] ?? 0) <= minor) ?? null,
    }));
}
