export { createGovernanceClient, type GovernanceClient } from './client.js';
export * from './campaigns.js';
export * from './engine.js';
export {
  ContractError,
  governanceErrorOf,
  GovernanceError,
  GovernanceUnreachable,
  type Problem,
  problemSchema,
  problemType,
} from './errors.js';
export * from './health.js';
export * from './notifications.js';
export * from './people.js';
export * from './receipts.js';
export * from './reports.js';
export { engineRoutes } from './routes.js';
export * from './stops.js';
