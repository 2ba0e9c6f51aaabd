/** Fixtures and inner parts of governance that benchmarks and the fuzzer of the API drive. */
export { EVERYWHERE } from './call/scope.js';
export { Adoption } from './audit/adoption.js';
export { contradictionsIn } from './audit/authority-watch.js';
export { appendAudit, appendAuditBatch, type AuditRecord } from './audit/append.js';
export { aSigner } from './audit/audit-log.fixture.js';
export { readLog } from './audit/log-reader.js';
export { sealingLag } from './audit/queries.js';
export { Sealer } from './audit/sealer.js';
export { startBrowser } from './console/chromium.fixture.js';
export { inTransaction } from './database/transaction.js';
export { startTestApi } from './api.fixture.js';
export { aBatch, aRequest, completedEvents, domainDatabase, ownWorkload, recorded } from './governance.fixture.js';
export type { PodObservation } from './pods/observation.js';
export { findPods } from './pods/queries.js';
export { type PodNews, trackPods } from './pods/tracking.js';
export { policyContext } from './policies/context.js';
export { defaultBindings, defaultPolicies } from './policies/defaults.js';
export { type BoundPolicy, verdictsOf } from './policies/verdicts.js';
