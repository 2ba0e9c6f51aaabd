export { issueLeaf, type Issued, makeAuthority } from './certificates.js';
export { anchorOf, certificatesIn, type KeyPair } from './chain.js';
export { followFiles } from './files.js';
export type { CertificateSource } from './follow.js';
export { bundleOf, type RotationTiming } from './rotation.js';
export { type Bundles, startRotation } from './rotator.js';
export { secretStore } from './secret-store.js';
export { followSecret } from './secret.js';
