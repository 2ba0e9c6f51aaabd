import { ALONE } from '../src/webhook.fixture.js';
import { shareStack } from './shared.fixture.js';
import { installation } from './suites/installation.fixture.js';
import { operation } from './suites/operation.fixture.js';
import { policies } from './suites/policies.fixture.js';
import { rights } from './suites/rights.fixture.js';
import { scanning } from './suites/scan.fixture.js';
import { planStatus } from './suites/status.fixture.js';

/** Cases that need a cluster and nothing of the product. */
shareStack({ parts: ALONE }, { rights, planStatus, installation, operation, scanning, policies });
