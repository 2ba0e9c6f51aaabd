export { connectKube, type ConnectOptions } from './client.js';
export { isConflict, isForbidden, isNotFound, KubeError, KubeUnreachable } from './errors.js';
export type { KubeEvent } from './events.js';
export {
  createInformer,
  type Informer,
  type InformerHealth,
  type InformerOptions,
  type MakeInformer,
} from './informer.js';
export type {
  ApplyOptions,
  DeleteOptions,
  Impersonation,
  KubeClient,
  KubeList,
  Patch,
  Selection,
  ServiceAccountTokenRequest,
  SubjectAccess,
  TokenReview,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './kube-client.js';
export { runWithLease, type LeaseOptions } from './lease.js';
export { keyOf, type KindRef, type KubeObject, type ObjectId } from './object.js';
export { lastWriter, withoutServerFields } from './managed-fields.js';
