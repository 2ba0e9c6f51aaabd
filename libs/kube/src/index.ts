export { preImagesOf, releaseFields, removeMarked, rewriteSpec } from './borrowed.js';
export { connectKube } from './client.js';
export { addressesOf, readyEndpointsOf } from './endpoints.js';
export { Discovery, groupPath } from './discovery.js';
export {
  isAlreadyThere,
  isConflict,
  isForbidden,
  isInvalid,
  isMissing,
  isNotFound,
  KubeError,
  KubeUnreachable,
} from './errors.js';
export { createInformer, type Informer, type InformerHealth, type MakeInformer } from './informer.js';
export { type InformerOptions } from './informer.js';
export type { KubeEvent } from './events.js';
export { fenceOf, type KubeClient } from './kube-client.js';
export { runWithLease } from './lease.js';
export { getIfAllowed, listIfAllowed } from './listing.js';
export { keyOf, type KindRef, type KubeObject, type ObjectId, objectSchema } from './object.js';
export { hasOtherWriter, isWrittenByOthers, lastWriter, withoutServerFields, writerOf } from './managed-fields.js';
export { Transport } from './transport.js';
export { watchEventOf } from './watch-line.js';
