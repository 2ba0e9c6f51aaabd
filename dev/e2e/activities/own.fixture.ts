import { describe } from '@jest/globals';
import type { Stack } from '../../src/index.js';
import { DATA_WALKS } from '../walks/data.fixture.js';
import { NAMESPACE_WALKS } from '../walks/namespace.fixture.js';
import { walksSuite } from '../walks/walks.fixture.js';
import { OTHER_WALKS } from '../walks/others.fixture.js';
import { ROUTE_WALKS } from '../walks/routes.fixture.js';
import { WORKLOAD_WALKS } from '../walks/workload.fixture.js';
import { longestNames } from './names.fixture.js';
import { recordsOfAuthors } from './recorded.fixture.js';
import { rightsOfAuthors } from './rights.fixture.js';
import type { Cluster } from './world.fixture.js';

/** Suites with workloads of their own, on the cluster of the activities. */
export function ownSuites(on: () => { stack: Stack; cluster: Cluster }): void {
  describe('in whose name:', () => rightsOfAuthors(on));

  describe('by whom it was written:', () => recordsOfAuthors(on));

  describe('the longest names:', () => longestNames(on));

  walksSuite(on, [...WORKLOAD_WALKS, ...NAMESPACE_WALKS, ...DATA_WALKS, ...ROUTE_WALKS, ...OTHER_WALKS]);
}
