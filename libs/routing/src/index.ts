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
} from './router.js';
export { NotServed, ProxiesUnseen, RoutesBehind } from './errors.js';
export { divided, reduced } from './weights.js';
