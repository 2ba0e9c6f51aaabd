import { createHash } from 'node:crypto';
import type { KubeClient } from '@scc/kube';
import { sccSchema, type SecurityContextConstraints } from '@scc/scc';
import type { Logger } from 'pino';
import type { CallerIdentity } from '../call/actor.js';
import { type Role, ROLES } from '../call/roles.js';
import type { Scope } from '../call/scope.js';
import { askInTime } from './deadline.js';
import { ExpiringCache } from './expiring-cache.js';
import { API_GROUP, HOLD_ROLE, resourceOf } from './roles.js';

const ALLOWED_MS = 10_000;
const REFUSED_MS = 5000;
const MAX_ANSWERS = 50_000;

export interface AccessReview {
  user: string;
  groups: string[];
  uid?: string;
  extra: Record<string, string[]>;
  resourceAttributes: { group: string; resource: string; verb: string; name?: string; namespace?: string };
}

/** Asks the cluster whether a subject may do something; `KubeClient.subjectAccessReview`. */
export type SubjectAccessReviewCall = (review: AccessReview) => Promise<boolean>;

const SCC_KIND = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' };

/** Reads an SCC afresh, by the list of all: no right of governance names a single one. */
export const findSCCIn =
  (kube: Pick<KubeClient, 'list'>) =>
  async (name: string): Promise<SecurityContextConstraints | undefined> => {
    const { items } = await kube.list(SCC_KIND);
    const found = items.find(({ metadata }) => metadata.name === name);
    return found && sccSchema.parse(found);
  };

type Attributes = Omit<AccessReview['resourceAttributes'], 'group' | 'namespace'>;

/** The grants of the cluster's RBAC, by virtual resources that stand for permissions and roles. */
export class ClusterGrants {
  readonly #review: SubjectAccessReviewCall;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #answers: ExpiringCache<boolean>;

  constructor(review: SubjectAccessReviewCall, log: Logger, now: () => number) {
    this.#review = review;
    this.#log = log;
    this.#now = now;
    this.#answers = new ExpiringCache(MAX_ANSWERS, now);
  }

  /** The namespace asked about, everywhere when none is, or nowhere. The cluster cannot list namespaces for a right. */
  async scopeOf(identity: CallerIdentity, permission: string, namespace: string | null): Promise<Scope> {
    return (await this.#may(identity, resourceOf(permission), namespace)) ? [namespace ?? '*'] : [];
  }

  async rolesOf(identity: CallerIdentity, namespace: string | null): Promise<Role[]> {
    const held = await Promise.all(ROLES.map((name) => this.#may(identity, { ...HOLD_ROLE, name }, namespace)));
    return ROLES.filter((_, index) => held[index]);
  }

  async #may(identity: CallerIdentity, attributes: Attributes, namespace: string | null): Promise<boolean> {
    const review: AccessReview = {
      user: identity.name,
      groups: identity.groups,
      ...(identity.uid === null ? {} : { uid: identity.uid }),
      extra: identity.extra,
      resourceAttributes: { group: API_GROUP, ...attributes, ...(namespace === null ? {} : { namespace }) },
    };
    const key = createHash('sha256').update(JSON.stringify(review)).digest('base64');
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const allowed = await askInTime('what you may do', () => this.#review(review), this.#log);
    this.#answers.set(key, allowed, this.#now() + (allowed ? ALLOWED_MS : REFUSED_MS));
    return allowed;
  }
}
