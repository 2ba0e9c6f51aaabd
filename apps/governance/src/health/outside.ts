import { Connection } from '@temporalio/client';
import type { SubjectAccessReviewCall } from '../access/kubernetes.js';
import { API_GROUP } from '../access/roles.js';
import type { Probes } from './probes.js';

const TEMPORAL_MS = 1500;
/** Retries would go on after the probe has its answer, even after the connection is closed. */
const WITHOUT_RETRIES: never[] = [];

export interface OutsideOptions {
  subjectAccessReview: SubjectAccessReviewCall;
  temporal: { address: string; namespace: string };
}

/** The parts that governance talks to and does not own: the API server and Temporal. */
export function outsideParts({ subjectAccessReview, temporal }: OutsideOptions): {
  probes: Probes;
  close: () => Promise<void>;
} {
  const connection = Connection.lazy({ address: temporal.address, interceptors: WITHOUT_RETRIES });
  return {
    probes: {
      // For nothing but an answer: nobody may do that.
      kubernetes: () =>
        subjectAccessReview({
          user: 'system:anonymous',
          groups: [],
          extra: {},
          resourceAttributes: { group: API_GROUP, resource: 'health', verb: 'probe' },
        }),
      temporal: () =>
        connection.withDeadline(Date.now() + TEMPORAL_MS, () =>
          connection.workflowService.describeNamespace({ namespace: temporal.namespace }),
        ),
    },
    close: () => connection.close(),
  };
}
