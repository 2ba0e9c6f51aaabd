import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** A serving certificate with the authorities that may have issued it; all PEM. */
export interface KeyPair {
  readonly key: string;
  /** The leaf first, then intermediates. */
  readonly certificate: string;
  /** Every authority that is trusted at the moment, newest last. */
  readonly authorities: string;
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** @throws Error when there is text between the markers that is no certificate */
export const certificatesIn = (pem: string): X509Certificate[] =>
  (pem.match(PEM) ?? []).map((text) => new X509Certificate(text));

/** @throws Error when the key does not belong to the certificate or either cannot be read */
export function checkPair({ key, certificate }: Pick<KeyPair, 'key' | 'certificate'>): void {
  if (certificatesIn(certificate).length === 0) throw new Error('there is no certificate');
  createSecureContext({ key, cert: certificate });
}

const issued = (authority: X509Certificate, certificate: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

const isCurrent = ({ validFromDate, validToDate }: X509Certificate, now: Date): boolean =>
  validFromDate <= now && now < validToDate;

/** The authority of a bundle that a chain leads to; undefined when a client with that bundle would refuse it. */
export function anchorOf(certificate: string, bundle: string, now: Date): X509Certificate | undefined {
  const [leaf, ...intermediates] = certificatesIn(certificate);
  if (!leaf || !isCurrent(leaf, now)) return undefined;
  const roots = certificatesIn(bundle).filter((root) => isCurrent(root, now));
  let current = leaf;
  for (;;) {
    const anchor = roots.find((root) => issued(root, current) || root.fingerprint256 === current.fingerprint256);
    if (anchor) return anchor;
    const next = intermediates.find((candidate) => candidate !== current && issued(candidate, current));
    if (!next) return undefined;
    intermediates.splice(intermediates.indexOf(next), 1);
    current = next;
  }
}
