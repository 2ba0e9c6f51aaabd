export type {
  Affinity,
  LabelSwitch,
  Mirror,
  PreImage,
  Conflict,
  RoutedObject,
  ServicePair,
  Split,
  Survey,
  Surveyed,
  SurveyRequest,
  Testers,
  TrafficRouter,
  UndividedWay,
  Verified,
  WayShare,
} from './router.js';
export { hasProxy, isCalling } from './calling.js';
export { AMBIENT_KIND, undividedInAmbient } from './ambient.js';
export { affinityNotRouted, affinityWarning, cookiePattern, expiredCookie, isSticky, keptCookie } from './affinity.js';
export { CompositeRouter } from './composite.js';
export { ClientsStay, NotServed, ProxiesUnseen, RoutesBehind } from './errors.js';
export { chooseLabel } from './label.js';
export {
  CLAIM_KIND,
  isOwned,
  isPaused,
  isScaledToZero,
  type MovedWorkload,
  nobodyIsServed,
  ownersOf,
  partitionIsInUse,
  runsAreNotKept,
  runsGoneBy,
  serviceIsShared,
  unmovable,
  volumeCannotBeShared,
  volumeIsRelabelled,
} from './movable.js';
export { hasAgreed, isInMesh, notAgreed, type Written } from './opt-in.js';
export { deletedRoute, manifestBefore, routedName } from './objects.js';
export { ownership } from './ownership.js';
export {
  isUndeclared,
  ownRouteViolations,
  type PortProtocol,
  portViolations,
  protocolOf,
  type ServicePort,
  undeclaredViolations,
} from './ports.js';
export type { RouteProof, Watched } from './proof.js';
export { divided, reduced, respelled } from './weights.js';
export { holdingTesters, ledBy, testersNotRouted, testersWarning } from './testers.js';
export { strangersAmong } from './strangers.js';
export {
  aliasOf,
  hostPortsOf,
  namedServices,
  type Sender,
  SENDERS,
  TO_ENDPOINTS,
  type ServiceSpec,
  undividedWay,
  waysOfService,
} from './ways.js';
