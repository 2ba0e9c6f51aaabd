export { GatewayRouter } from './router.js';
export { ROUTE_KINDS } from './schema.js';
