import type { Violation } from '@scc/plan';
import type { Affinity, Split } from './router.js';

const ATTRIBUTES = 'HttpOnly; SameSite=Lax';

/** What a client is told to keep once it has met the canary. */
export const keptCookie = ({ cookie, value, maxAgeS }: Affinity): string =>
  `${cookie}=${value}; Path=/; Max-Age=${maxAgeS}; ${ATTRIBUTES}`;

/** What a client is told that still has the cookie when nobody reads it any more. */
export const expiredCookie = ({ cookie }: Affinity): string => `${cookie}=; Path=/; Max-Age=0; ${ATTRIBUTES}`;

/** A regular expression for the whole header of a request that carries the cookie, whatever stands beside it. */
export const cookiePattern = ({ cookie, value }: Affinity): string => `^(.*;\\s*)?${cookie}=${value}(;.*)?$`;

/** Whether clients stay where they are: while both sides have a share. At its ends all go the same way. */
export const isSticky = ({ canary }: Pick<Split, 'canary'>): boolean => canary > 0 && canary < 100;

/** What a user is told of clients that come back. */
export const affinityWarning = ({ cookie, maxAgeS }: Affinity): string =>
  `a client that met the canary gets the cookie ${cookie} and stays there for ${maxAgeS} s while both sides have a share: shares are those of requests without it`;

/** Why a way cannot keep a client where it is. */
export const affinityNotRouted = (
  reason: string,
  remedy = 'Leave spec.traffic.affinity out, or let the requests come by a VirtualService or an HTTPRoute of Istio with a rule for HTTP.',
): Violation => ({
  code: 'AffinityNotRouted',
  field: 'spec.traffic.affinity',
  message: `clients that met the canary cannot be kept there: ${reason}`,
  remedy,
});
