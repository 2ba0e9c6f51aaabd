import { isDeepStrictEqual } from 'node:util';
import type { EvaluationRequest, RightHeld } from '@scc/governance-api';
import {
  type ResourceAttributes,
  AUTHOR_UNKNOWN,
  cannotLend,
  type Identity,
  isRecord,
  lacksRight,
  orBorrow,
  recordIsOld,
  type Right,
  rightsOf,
  systemNamespaceViolations,
  type Violation,
} from '@scc/plan';
import { listsSubject, type SecurityContextConstraints, serviceAccountSubject } from '@scc/scc';
import type { Logger } from 'pino';
import { Refusal } from '../refusal/refusal.js';
import { askInTime } from './deadline.js';
import type { SubjectAccessReviewCall } from './kubernetes.js';

/** An approver who lends rights to the author of a plan. */
export interface Lender extends Identity {
  /** The rights, in words. */
  lends: readonly string[];
}

/** The record on those who wrote a plan, and who lends to them. */
export interface Writing {
  now: Date;
  /** When governance first saw what is recorded of the last editor; absent when it sees it now. */
  editorSeenAt?: Date | undefined;
  /** The same of each editor before. */
  earlierSeenAt?: readonly (Date | undefined)[];
  lenders?: readonly Lender[];
}

/** A right that a plan uses and that not everybody who wrote it holds. */
interface Missing {
  /** In words. */
  right: string;
  violations: Violation[];
  lentBy: string[];
}

/** Rights of those who wrote a plan to what it would do in their name. */
export interface RightsReview {
  rights: RightHeld[];
  /** Reasons that no right mends. */
  violations: Violation[];
  missing: Missing[];
}

/** Throws when the cluster cannot be asked: not knowing is never a yes. */
export type ReviewRights = (request: EvaluationRequest, writing: Writing) => Promise<RightsReview>;

/** The rights, of these that a plan uses, that a caller may not lend, each with the remedy. */
export type ReviewLender = (lender: Lender, request: EvaluationRequest) => Promise<Violation[]>;

/**
 * Whether the target may be granted in the name of those who wrote the plan, or of who lends to them. That the
 * ServiceAccount may use the target already lets a plan run, and lets it grant nothing.
 */
export type MayGrant = (request: EvaluationRequest, writing: Writing) => Promise<boolean>;

/** The violations that nobody's lending mends. */
export const unlent = ({ violations, missing }: RightsReview): Violation[] => {
  const all = missing.filter(({ lentBy }) => lentBy.length === 0).flatMap((one) => one.violations);
  // A record that is too old is said once, whatever rights it leaves unknown.
  return [...violations, ...all.filter(({ message }, at) => all.findIndex((one) => one.message === message) === at)];
};

/** An SCC as the cluster has it now; undefined when there is none of that name. */
export type FindSCC = (name: string) => Promise<Pick<SecurityContextConstraints, 'users' | 'groups'> | undefined>;

interface Options {
  review: SubjectAccessReviewCall;
  findSCC: FindSCC;
  /** Whether the API server that is asked has read what it decides by. */
  isReady: () => Promise<boolean>;
  /** The namespace of this product. */
  own: string;
  log: Logger;
}

/** Groups and scopes of a user change: for so long they are taken for what admission saw, in milliseconds. */
export const RECORD_MS = 7 * 24 * 3_600_000;

interface Writer {
  identity: Identity;
  isOld: boolean;
}

/** The author, and everybody who changed what the plan would do; null stands for one who was not recorded. */
function writersOf(
  { author, authorIdentity, editors, editorIdentity, earlierEditors, createdAt }: EvaluationRequest['plan'],
  { now, editorSeenAt, earlierSeenAt = [] }: Writing,
): (Writer | null)[] {
  const isOld = (since: Date | undefined): boolean =>
    since !== undefined && now.getTime() - since.getTime() > RECORD_MS;
  const known = authorIdentity?.username === author ? authorIdentity : null;
  const written = createdAt === null ? undefined : new Date(createdAt);
  // No edit is older than the plan.
  const edited = (seenAt: Date | undefined): Date | undefined =>
    seenAt && written && seenAt < written ? written : seenAt;
  return [
    known && { identity: known, isOld: isOld(written) },
    ...(editors.length > 0 || editorIdentity
      ? [editorIdentity && { identity: editorIdentity, isOld: isOld(edited(editorSeenAt)) }]
      : []),
    ...(earlierEditors?.map((identity, at) => ({ identity, isOld: isOld(edited(earlierSeenAt[at])) })) ?? [null]),
  ];
}

/** An author who edits their own plan is asked about once, by the newer record. */
const once = (writers: readonly (Writer | null)[]): Writer[] => {
  const known = writers.filter((writer) => writer !== null);
  return known.filter(
    ({ identity }, at) => !known.some((other, index) => index > at && isDeepStrictEqual(other.identity, identity)),
  );
};

/** The ServiceAccount of the migrated pods: none other's rights count for what the target's grant is needed for. */
function accountOf({ plan, spec, facts: { podTemplate, patchedTemplate, workload } }: EvaluationRequest): Identity {
  const [before, after] = [serviceAccountIn(podTemplate), serviceAccountIn(patchedTemplate)];
  const unnamed = before === undefined ? (spec.serviceAccountName ?? workload.serviceAccountName) : 'default';
  const { name: username, groups } = serviceAccountSubject(plan.namespace, after ?? unnamed);
  return { username, uid: '', groups: [...groups], extra: {} };
}

/** As the API server reads it: the deprecated field counts where the other is not set. */
function serviceAccountIn({ spec }: Record<string, unknown>): string | undefined {
  if (!isRecord(spec)) return undefined;
  return [spec['serviceAccountName'], spec['serviceAccount']].find(
    (name): name is string => typeof name === 'string' && name !== '',
  );
}

const usedBy = ({
  plan: { namespace },
  spec: {
    workloadRef,
    targetSCC,
    gates: { jobs },
    volumes,
  },
}: EvaluationRequest): readonly Right[] =>
  rightsOf({
    ...{ namespace, workloadRef, targetSCC, jobs },
    ...{
      census: volumes?.census,
      ownerChange: volumes?.ownerChange !== undefined,
      snapshot: volumes?.snapshot !== undefined,
    },
  });

/** The right as users hold it themselves. */
const byPeople = (right: Right): Right => ({
  ...right,
  anyOf: right.anyOf.filter(({ holder }) => holder === 'person'),
});

/** Asks the cluster, each time afresh, for every right that a plan uses in the name of those who wrote it. */
export class PlanRights {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  readonly review: ReviewRights = async (request, writing) => {
    const { namespace } = request.plan;
    const writers = writersOf(request.plan, writing);
    const known = once(writers);
    const account = accountOf(request);
    const reviewed = await Promise.all(
      usedBy(request).map(async (right) => {
        const lacking = await this.#lacking(right, account, known);
        const lentBy = lacking.length > 0 ? await this.#lendersOf(right, account, writing.lenders ?? []) : [];
        const names = (of: readonly Writer[]): string[] => [...new Set(of.map(({ identity }) => identity.username))];
        return {
          shown: {
            right: right.words,
            heldBy: names(known.filter((writer) => !lacking.includes(writer))),
            missingFor: names(lacking),
            ...(lentBy.length > 0 ? { lentBy } : {}),
          },
          missing: {
            right: right.words,
            lentBy,
            violations: lacking
              .map(({ identity: { username }, isOld }) => (isOld ? recordIsOld(username) : lacksRight(username, right)))
              .map((violation) => (request.spec.approval.borrow ? violation : orBorrow(violation))),
          },
        };
      }),
    );
    return {
      rights: reviewed.map(({ shown }) => shown),
      violations: [
        ...systemNamespaceViolations(namespace, this.#options.own),
        ...(writers.includes(null) ? [AUTHOR_UNKNOWN] : []),
      ],
      missing: reviewed.map(({ missing }) => missing).filter(({ violations }) => violations.length > 0),
    };
  };

  readonly mayGrant: MayGrant = async (request, writing) => {
    const writers = writersOf(request.plan, writing);
    const grants = usedBy(request).filter(({ field }) => field === 'spec.targetSCC');
    if (writers.includes(null) || grants.length === 0) return false;
    const account = accountOf(request);
    const held = await Promise.all(
      grants.map(byPeople).map(async (right) => {
        const lacking = await this.#lacking(right, account, once(writers));
        return lacking.length === 0 || (await this.#lendersOf(right, account, writing.lenders ?? [])).length > 0;
      }),
    );
    return held.every((isHeld) => isHeld);
  };

  readonly reviewLender: ReviewLender = async ({ lends, ...lender }, request) => {
    const account = accountOf(request);
    const named = usedBy(request).filter(({ words }) => lends.includes(words));
    const held = await Promise.all(named.map((right) => this.#holds(lender, account, right)));
    return named.filter((_right, index) => !held[index]).map((right) => cannotLend(lender.username, right));
  };

  async #lacking(right: Right, account: Identity, writers: readonly Writer[]): Promise<Writer[]> {
    const held = await Promise.all(
      writers.map(async ({ identity, isOld }) => !isOld && (await this.#holds(identity, account, right))),
    );
    return writers.filter((_writer, index) => !held[index]);
  }

  async #lendersOf(right: Right, account: Identity, lenders: readonly Lender[]): Promise<string[]> {
    const named = lenders.filter(({ lends }) => lends.includes(right.words));
    const held = await Promise.all(named.map((lender) => this.#holds(lender, account, right)));
    return named.filter((_lender, index) => held[index]).map(({ username }) => username);
  }

  /** An API server that has just started may deny what it has not read yet: a no counts when it is ready. */
  async #holds(person: Identity, account: Identity, right: Right): Promise<boolean> {
    if (await this.#holdsAny(person, account, right)) return true;
    const { isReady, log } = this.#options;
    const what = 'what the author of the plan may do';
    if (!(await askInTime(what, isReady, log)))
      throw new Refusal('unavailable', `${what} cannot be checked while the API server is starting; try again later`);
    return this.#holdsAny(person, account, right);
  }

  async #holdsAny(person: Identity, account: Identity, { anyOf }: Right): Promise<boolean> {
    for (const { holder, all } of anyOf) {
      const who = holder === 'person' ? person : account;
      const answers = await Promise.all(all.map((access) => this.#may(who, access)));
      if (answers.every((allowed) => allowed)) return true;
    }
    return false;
  }

  /** By RBAC, or another authorizer; an SCC, too, names users and groups that may use it. */
  async #may(who: Identity, access: ResourceAttributes): Promise<boolean> {
    if (await this.#isAllowed(who, access)) return true;
    const { findSCC, log } = this.#options;
    const { verb, resource, name } = access;
    if (verb !== 'use' || resource !== 'securitycontextconstraints' || name === undefined) return false;
    const scc = await askInTime('who may use the SCC', () => findSCC(name), log);
    return scc !== undefined && listsSubject(scc, { name: who.username, groups: who.groups });
  }

  #isAllowed({ username, uid, groups, extra }: Identity, resourceAttributes: ResourceAttributes): Promise<boolean> {
    const { review, log } = this.#options;
    const entries = Object.entries(extra).map(([key, values]): [string, string[]] => [key, [...values]]);
    return askInTime(
      'what the author of the plan may do',
      () =>
        review({
          user: username,
          groups: [...groups],
          ...(uid === '' ? {} : { uid }),
          extra: Object.fromEntries(entries),
          resourceAttributes: { ...resourceAttributes },
        }),
      log,
    );
  }
}
