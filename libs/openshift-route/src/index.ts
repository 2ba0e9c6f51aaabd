export { ROUTE_TYPE } from './schema.js';
export { OpenShiftRouter, type RouterCounters } from './router.js';
