import type { TemporalLink } from '@scc/runtime/temporal';
import type { SubjectAccessReviewCall } from '../access/kubernetes.js';
import { API_GROUP } from '../access/roles.js';
import type { Probes } from './probes.js';

const TEMPORAL_MS = 1500;

export interface OutsideOptions {
  subjectAccessReview: SubjectAccessReviewCall;
  /** Without retries: they would go on after the probe has its answer, even after the connection is closed. */
  temporal: TemporalLink;
}

/** The parts that governance talks to and does not own: the API server and Temporal. */
export const outsideProbes = ({ subjectAccessReview, temporal }: OutsideOptions): Probes => ({
  // Only an answer is wanted: no user may do that.
  kubernetes: () =>
    subjectAccessReview({
      user: 'system:anonymous',
      groups: [],
      extra: {},
      resourceAttributes: { group: API_GROUP, resource: 'health', verb: 'probe' },
    }),
  temporal: () => temporal.check(TEMPORAL_MS),
});
