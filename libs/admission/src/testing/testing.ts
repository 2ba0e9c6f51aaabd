export { aPod, podReview, startTestAdmission } from './admission.fixture.js';
export { grantOf } from './cluster.fixture.js';
export { type CorpusCase, corpusCases, objectsOf } from './corpus.fixture.js';
export { configurationSchema, CONFIGURATIONS } from '../tls/trust.js';
export { patchBetween } from '../review/json-patch.js';
