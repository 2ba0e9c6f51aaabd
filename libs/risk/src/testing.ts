/** Fixtures for tests and benchmarks of other packages. */
export { randomNumbers } from './proof.fixture.js';
export { someSignals } from './risk.fixture.js';
