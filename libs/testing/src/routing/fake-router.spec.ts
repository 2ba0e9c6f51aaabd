import { trafficRouterContract } from './contract.js';
import { aFakeWorld } from './fake-world.fixture.js';

trafficRouterContract(() => Promise.resolve(aFakeWorld()));
