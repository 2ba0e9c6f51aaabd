import type { Violation } from '@scc/plan';
import type { Split, Survey, Testers } from './router.js';

/** What a user is told of a header that leads to the canary. */
export const testersWarning = ({ header, value }: Testers): string =>
  `requests with the header ${header}: ${value} go to the canary from its preparation to the end, whatever its share is`;

/** A survey by which testers go where all others do. */
export const holdingTesters = ({ request, routes }: Survey): Survey => ({
  request: request.testers ? { ...request, testers: { ...request.testers, isHeld: true } } : request,
  routes,
});

/** A survey by which a split leads those to the canary whom it may lead there beside its share. */
export const ledBy = (survey: Survey, { isUndo }: Pick<Split, 'isUndo'>): Survey =>
  isUndo ? holdingTesters(survey) : survey;

/** Why a way cannot tell testers from other callers. */
export const testersNotRouted = (reason: string): Violation => ({
  code: 'TestersNotRouted',
  field: 'spec.traffic.testers',
  message: `requests of testers cannot be told from others: ${reason}`,
  remedy:
    'Leave spec.traffic.testers out, or let the requests come by a rule for HTTP that can have another beside it.',
});
