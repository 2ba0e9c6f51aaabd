import type { CodeTexts } from './text.js';

/** The policies that every installation starts with; their violations have their names. */
export const POLICIES = {
  PrivilegedNeedsExpiry: {
    cause: 'the target permits privileged containers, and no exception with an expiry is in force',
    remedy: 'choose another SCC, or have a second person agree to an exception, see docs/POLICIES.md',
  },
  PrivilegedNeedsTwoApprovals: {
    cause: 'the target permits privileged containers',
    remedy: 'ask two approvers other than the author',
  },
  HostAccessNeedsApproval: {
    cause: 'the target permits the use of the node: its network, processes, ports or files',
    remedy: 'choose an SCC without host access, or ask an approver other than the author',
  },
  PatchNeedsApproval: {
    cause: 'the plan changes more of the workload than the target needs',
    remedy: 'change these fields in the workload itself, or ask an approver other than the author',
  },
  OwnerChangeNeedsApproval: {
    cause: 'the plan may stop all pods of the workload, so that the owners of their data change',
    remedy: 'ask an approver other than the author, or leave `volumes.ownerChange` out',
  },
  LooseningNeedsJustification: {
    cause: 'the target gives the workload more rights, and the plan does not say why',
    remedy: 'write the reason in `spec.justification`',
  },
  BlastRadius: {
    cause: 'the workload has more pods or callers than the policy lets pass',
    remedy: 'migrate a part of it first, or have an exception agreed to',
  },
  RiskCeiling: {
    cause: 'the migration will probably fail, or needs more approvals for its risk',
    remedy: 'lower the risk by the factors that `sccctl approvals show NAME` lists, or ask for the approvals',
  },
} satisfies CodeTexts;

/** The kinds of problems that governance answers with: the last part of `type`. */
export const PROBLEMS = {
  malformed: {
    cause: 'the request has fields that are missing, unknown or of the wrong form',
    remedy: 'correct the fields that `errors` names; docs/API.md and `/openapi.json` describe every route',
  },
  unauthenticated: {
    cause: 'the request carries no token, or one that is expired, of another audience or issuer',
    remedy: 'pass a token that governance accepts: `--token`, `--token-file` or `--service-account`',
  },
  forbidden: {
    cause: 'none of your roles allows this here',
    remedy: 'ask an admin for a role that may do it, see docs/ACCESS.md',
  },
  'not-found': {
    cause: 'there is no such object, or you may not know of it',
    remedy: 'check its name, uid and namespace',
  },
  'no-such-route': {
    cause: 'governance has no such path; another version may have it',
    remedy: 'install the `sccctl` of the version that governance runs',
  },
  'method-not-allowed': { cause: 'the path does not take this method', remedy: 'see docs/API.md' },
  'not-acceptable': { cause: 'the answer exists only as JSON', remedy: 'accept application/json' },
  conflict: {
    cause: 'the state of the object does not allow this now',
    remedy: 'read `detail`, look at the object again, then decide again',
  },
  stale: {
    cause: 'the object has changed since you saw it',
    remedy: 'read it again and send its new ETag as If-Match',
  },
  'condition-missing': {
    cause: 'a change must say which version of the object it is about',
    remedy: 'send the ETag that came with the object as If-Match',
  },
  invalid: {
    cause: 'the request is well formed and breaks a rule',
    remedy: 'correct the fields that `errors` names',
  },
  'too-large': { cause: 'the body of the request is too large', remedy: 'send less at once' },
  'unsupported-media-type': { cause: 'the body is not JSON in UTF-8', remedy: 'send application/json' },
  'too-many-requests': {
    cause: 'you send more requests than one caller may',
    remedy: 'wait as long as Retry-After says',
  },
  unavailable: {
    cause: 'something that governance needs for the answer is away, such as its database',
    remedy: 'try again after Retry-After; `GET /v1/health` names the part',
  },
  'request-in-progress': {
    cause: 'a request with the same Idempotency-Key is being worked on',
    remedy: 'wait and send it again',
  },
  'key-reused': {
    cause: 'the Idempotency-Key was used for another request',
    remedy: 'use a new key for each request',
  },
  internal: {
    cause: 'governance failed; nothing was changed, or it was and is recorded',
    remedy: 'look into its log by the request id',
  },
} satisfies CodeTexts;
