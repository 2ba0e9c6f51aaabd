export { trafficRouterContract, type RoutedState, type RouterWorld, type RouteShares } from './contract.js';
export { type FakeMesh, type FakeRoute, FakeRouter } from './fake-router.js';
