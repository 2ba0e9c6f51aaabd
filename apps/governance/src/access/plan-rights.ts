import { isDeepStrictEqual } from 'node:util';
import type { EvaluationRequest, RightHeld } from '@scc/governance-api';
import {
  type ResourceAttributes,
  AUTHOR_UNKNOWN,
  type Identity,
  lacksRight,
  type Right,
  rightsOf,
  systemNamespaceViolations,
  type Violation,
} from '@scc/plan';
import { serviceAccountSubject } from '@scc/scc';
import type { Logger } from 'pino';
import { askInTime } from './deadline.js';
import type { SubjectAccessReviewCall } from './kubernetes.js';

/** What those who wrote a plan may do of what it would do in their name. */
interface RightsReview {
  rights: RightHeld[];
  violations: Violation[];
}

/** Throws when the cluster cannot be asked: not knowing is never a yes. */
export type ReviewRights = (request: EvaluationRequest) => Promise<RightsReview>;

interface Options {
  review: SubjectAccessReviewCall;
  /** The namespace of this product. */
  own: string;
  log: Logger;
}

/** The author, and the last one who changed what the plan would do; null stands for one who was not recorded. */
function writersOf({
  author,
  authorIdentity,
  editors,
  editorIdentity,
}: EvaluationRequest['plan']): (Identity | null)[] {
  const known = authorIdentity?.username === author ? authorIdentity : null;
  return [known, ...(editors.length > 0 || editorIdentity ? [editorIdentity] : [])];
}

function accountOf({ plan, spec, facts }: EvaluationRequest): Identity {
  const account =
    serviceAccountIn(facts.patchedTemplate) ?? spec.serviceAccountName ?? facts.workload.serviceAccountName;
  const { name: username, groups } = serviceAccountSubject(plan.namespace, account);
  return { username, uid: '', groups: [...groups], extra: {} };
}

const serviceAccountIn = ({ spec }: Record<string, unknown>): string | undefined => {
  const name =
    typeof spec === 'object' && spec !== null && 'serviceAccountName' in spec ? spec.serviceAccountName : null;
  return typeof name === 'string' ? name : undefined;
};

/** Asks the cluster, each time afresh, for every right that a plan uses in the name of those who wrote it. */
export class PlanRights {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  readonly review: ReviewRights = async (request) => {
    const { namespace } = request.plan;
    const closed = systemNamespaceViolations(namespace, this.#options.own);
    const writers = writersOf(request.plan);
    const isUnknown = writers.includes(null);
    // An author who edits their own plan is asked about once.
    const known = writers
      .filter((writer) => writer !== null)
      .filter((writer, at, all) => all.findIndex((other) => isDeepStrictEqual(other, writer)) === at);
    const account = accountOf(request);
    const { workloadRef, targetSCC } = request.spec;
    const asked = await Promise.all(
      rightsOf({ namespace, workloadRef, targetSCC }).map(async (right) => {
        const held = await Promise.all(known.map((writer) => this.#holds(writer, account, right)));
        return { right, held };
      }),
    );
    const named = (held: readonly boolean[], wanted: boolean): string[] => [
      ...new Set(known.filter((_writer, index) => held[index] === wanted).map(({ username }) => username)),
    ];
    return {
      rights: asked.map(({ right: { words }, held }) => ({
        right: words,
        heldBy: named(held, true),
        missingFor: named(held, false),
      })),
      violations: [
        ...closed,
        ...(isUnknown ? [AUTHOR_UNKNOWN] : []),
        ...asked.flatMap(({ right, held }) => named(held, false).map((who) => lacksRight(who, namespace, right))),
      ],
    };
  };

  async #holds(person: Identity, account: Identity, { anyOf }: Right): Promise<boolean> {
    for (const { holder, all } of anyOf) {
      const who = holder === 'person' ? person : account;
      const answers = await Promise.all(all.map((access) => this.#may(who, access)));
      if (answers.every((allowed) => allowed)) return true;
    }
    return false;
  }

  #may({ username, uid, groups, extra }: Identity, resourceAttributes: ResourceAttributes): Promise<boolean> {
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
