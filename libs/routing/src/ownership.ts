import type { SurveyRequest } from './router.js';

/** The plan as owner of an object of its namespace: a tool that prunes leaves it alone, and it goes with the plan. */
export const ownership = ({ namespace, owner }: Pick<SurveyRequest, 'namespace' | 'owner'>, at: string | undefined) =>
  owner && at === namespace ? { ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: false }] } : {};
