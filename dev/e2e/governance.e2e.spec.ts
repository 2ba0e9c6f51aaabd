import { shareStack } from './shared.fixture.js';
import { hintsOfPods } from './suites/hints.fixture.js';
import { sccctlOnCluster } from './suites/sccctl.fixture.js';

/** Cases that need governance with its database, and no migration that runs. */
shareStack(
  { parts: { mesh: false, prometheus: false, worker: false, watcher: false } },
  { sccctl: sccctlOnCluster, hints: hintsOfPods },
);
