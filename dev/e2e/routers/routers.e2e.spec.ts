import path from 'node:path';
import { trafficRouterContract } from '@scc/testing/routing';
import { ROOT } from '@scc/dev';
import { amongDumps } from './dumps.fixture.js';
import { gatewayWorld, mixedWorld } from './gateway.fixture.js';
import { istioWorld } from './istio.fixture.js';
import { type Mesh, startMesh } from './mesh.fixture.js';
import { meshAndOpenShiftWorld, openShiftWorld } from './openshift.fixture.js';
import { replicasWorld } from './replicas.fixture.js';
import { realRequests } from './requests.fixture.js';
import { waysOutOfTheMesh } from './ways-out.fixture.js';
import { severalWorkers } from './workers.fixture.js';

/** Every router that a mesh carries out keeps its promises to a real API server, a real istiod and real proxies. */

const TEST_MS = 120_000;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh();
  await mesh.stack.apply(path.join(ROOT, 'dev', 'samples', 'gateway-api', 'gateway.yaml'));
}, 600_000);
afterAll(() => mesh.stop(), 60_000);

describe('VirtualServices', () => {
  trafficRouterContract(() => istioWorld(mesh), TEST_MS);
});

describe('HTTPRoutes', () => {
  trafficRouterContract(() => gatewayWorld(mesh, 'HTTPRoute'), TEST_MS);
});

describe('an HTTPRoute and a GRPCRoute', () => {
  trafficRouterContract(() => gatewayWorld(mesh, 'GRPCRoute'), TEST_MS);
});

describe('a VirtualService and an HTTPRoute', () => {
  trafficRouterContract(() => mixedWorld(mesh), TEST_MS);
});

describe('Routes of OpenShift', () => {
  trafficRouterContract(() => openShiftWorld(mesh), TEST_MS);
});

describe('a VirtualService and a Route of OpenShift', () => {
  trafficRouterContract(() => meshAndOpenShiftWorld(mesh), TEST_MS);
});

describe('a plain Service, by its pods', () => {
  trafficRouterContract(() => replicasWorld(mesh), TEST_MS);
});

describe('requests that reach pods', () => {
  realRequests(() => mesh, TEST_MS);
});

describe("istiod's cache", () => {
  amongDumps(() => mesh, TEST_MS);
});

describe('several workers', () => {
  severalWorkers(() => mesh, TEST_MS);
});

describe('what a refusal of the mesh says to do is done:', () => {
  waysOutOfTheMesh(() => mesh, TEST_MS);
});
