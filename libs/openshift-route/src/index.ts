export { ROUTE_TYPE } from './schema.js';
export { OpenShiftRouter, type RoutedLately, type RouterCounters } from './router.js';
