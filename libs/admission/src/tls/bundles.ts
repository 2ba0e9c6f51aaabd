import { bundleOf, certificatesIn } from '@scc/tls';

interface Bundles {
  /** The bundle that the API server holds, PEM; '' where an entry has no authority. */
  readonly held: readonly string[];
  /** The authorities of what is served here, PEM; '' when they are not known. */
  readonly mine: string;
  /** Whether every replica must have heard of `mine` by now. */
  readonly isSettled: boolean;
  readonly now: Date;
}

/**
 * The authorities that belong into every `caBundle` while another program makes the certificates. Replicas hear of a new
 * authority one after another: it is added at once, and the old ones go when all must have heard.
 */
export function bundleToHold({ held, mine, isSettled, now }: Bundles): string {
  const own = certificatesIn(mine);
  const wanted = new Map(own.map((one) => [one.fingerprint256, one]));
  if (own.length > 0 && isSettled) return bundleOf(own.map(String));
  const known = new Map(
    held
      .flatMap(certificatesIn)
      .filter((one) => one.validToDate > now)
      .map((one) => [one.fingerprint256, one]),
  );
  return bundleOf([...new Map([...known, ...wanted]).values()].map(String));
}
