import type { KubeEvent } from './events.js';
import type { KindRef, KubeObject, ObjectId } from './object.js';

export interface Selection {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** For APIs that give more, or other, content of it; absent: the newest. */
  resourceVersion?: string;
}

export interface WatchOptions extends Selection {
  /** As a list or an earlier event gave it. */
  resourceVersion: string;
  /** After which the server ends the watch. */
  timeoutSeconds: number;
  signal: AbortSignal;
}

export interface KubeList {
  items: KubeObject[];
  resourceVersion: string;
}

export interface Impersonation {
  user: string;
  /** Absent: the groups of the user where it is a ServiceAccount, else none. */
  groups?: string[];
}

export interface ReadOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface WriteOptions {
  fieldManager?: string;
  /** The API server decides as if it were written, admission included, and keeps nothing. */
  dryRun?: boolean;
  impersonate?: Impersonation;
  timeoutMs?: number;
}

export interface ApplyOptions {
  fieldManager: string;
  /** Takes fields over from other managers instead of failing with a conflict. */
  force?: boolean;
  dryRun?: boolean;
}

export interface Patch {
  type: 'json' | 'merge' | 'strategic';
  body: unknown;
  fieldManager?: string;
  subresource?: 'status' | 'scale';
  dryRun?: boolean;
}

export interface DeleteOptions {
  propagation?: 'Foreground' | 'Background' | 'Orphan';
  graceSeconds?: number;
  /** Refused with a conflict when the object is another one by now. */
  uid?: string;
  resourceVersion?: string;
}

/** The condition that keeps a deletion from an object that another client wrote, or made again, since it was read. */
export const fenceOf = ({ metadata: { uid, resourceVersion } }: KubeObject): DeleteOptions => ({
  ...(uid ? { uid } : {}),
  ...(resourceVersion ? { resourceVersion } : {}),
});

export interface LogId {
  namespace: string;
  /** Of the pod. */
  name: string;
  container: string;
}

export interface LogOptions extends ReadOptions {
  sinceSeconds: number;
  limitBytes: number;
}

export interface SubjectAccess {
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
  resourceAttributes?: {
    verb: string;
    resource: string;
    group?: string;
    version?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
  nonResourceAttributes?: { path: string; verb: string };
}

export interface ServiceAccountTokenRequest {
  namespace: string;
  name: string;
  audience: string;
  seconds: number;
}

export type TokenReview =
  | { authenticated: false; error: string }
  | {
      authenticated: true;
      user: { username: string; uid: string; groups: string[]; extra: Record<string, string[]> };
      audiences: string[];
    };

export type WatchEvent =
  /** The server answered and will tell. */
  | { type: 'OPEN' }
  | { type: 'BOOKMARK'; resourceVersion: string }
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject };

/**
 * The Kubernetes API for objects of any kind. A refusal of the server is a `KubeError`; a call that did not reach it or
 * was not answered is a `KubeUnreachable`. A kind that the cluster does not serve is a `KubeError` for which
 * `isNotFound` holds.
 */
export interface KubeClient {
  /** The answer to GET of a path that is no object's, such as `/version`: JSON, or the text where it is none. */
  raw: (path: string, options?: ReadOptions) => Promise<unknown>;
  /** Undefined when there is no such object. */
  get: (id: ObjectId, options?: ReadOptions) => Promise<KubeObject | undefined>;
  list: (kind: KindRef, options?: Selection & ReadOptions) => Promise<KubeList>;
  /** Events after `resourceVersion` until the server ends the watch. @throws KubeError 410 when that is too old. */
  watch: (kind: KindRef, options: WatchOptions) => AsyncIterable<WatchEvent>;
  /** Server-side apply. */
  apply: (object: KubeObject, options: ApplyOptions) => Promise<KubeObject>;
  applyStatus: (object: KubeObject, options: ApplyOptions) => Promise<KubeObject>;
  create: (object: KubeObject, options?: WriteOptions) => Promise<KubeObject>;
  /** Fenced by `metadata.resourceVersion` where the object carries one. */
  replace: (object: KubeObject, options?: WriteOptions) => Promise<KubeObject>;
  patch: (id: ObjectId, patch: Patch) => Promise<KubeObject>;
  /** Deleting what is not there is no error. */
  delete: (id: ObjectId, options?: DeleteOptions) => Promise<void>;
  /** Whether RBAC lets a user do something. */
  subjectAccessReview: (spec: SubjectAccess) => Promise<boolean>;
  /** Whether the API server has started and read what it decides by; what it denies before may be allowed. */
  isReady: () => Promise<boolean>;
  tokenReview: (spec: { token: string; audiences?: string[] }) => Promise<TokenReview>;
  /** A token of a ServiceAccount that only `audience` accepts, for `seconds` (600 at least). */
  serviceAccountToken: (spec: ServiceAccountTokenRequest) => Promise<string>;
  /** The output of a container, the newest last. */
  logs: (of: LogId, options: LogOptions) => Promise<string>;
  recordEvent: (event: KubeEvent) => Promise<void>;
  /** Closes every connection; what is under way fails. */
  close: () => void;
}
