export type {
  LabelSwitch,
  Mirror,
  PreImage,
  RouteConflict,
  RoutedObject,
  ServicePair,
  Split,
  Survey,
  SurveyRequest,
  TrafficRouter,
} from './router.js';
export { divided, reduced } from './weights.js';
