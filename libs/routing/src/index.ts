export type {
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
  TrafficRouter,
  UndividedWay,
  Verified,
  WayShare,
} from './router.js';
export { CompositeRouter } from './composite.js';
export { ClientsStay, NotServed, ProxiesUnseen, RoutesBehind } from './errors.js';
export { hasAgreed, notAgreed, type Written } from './opt-in.js';
export { deletedRoute, manifestBefore, routedName } from './objects.js';
export { ownership } from './ownership.js';
export type { RouteProof, Watched } from './proof.js';
export { divided, reduced } from './weights.js';
