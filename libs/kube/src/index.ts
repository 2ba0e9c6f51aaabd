export { connectKube } from './client.js';
export { isConflict, isForbidden, isInvalid, isNotFound, KubeError, KubeUnreachable } from './errors.js';
export { createInformer, type Informer, type InformerHealth, type MakeInformer } from './informer.js';
export { type InformerOptions } from './informer.js';
export type { KubeEvent } from './events.js';
export { fenceOf, type KubeClient } from './kube-client.js';
export { runWithLease } from './lease.js';
export { keyOf, type KindRef, type KubeObject, type ObjectId } from './object.js';
export { lastWriter, withoutServerFields } from './managed-fields.js';
