export { commonConfig, loadConfig } from './config.js';
export { startHealthServer, type HealthOptions, type HealthServer } from './health.js';
export { createLogger, type Logger } from './logger.js';
export { onShutdown } from './shutdown.js';
export { DeadlineError, waitFor, type WaitOptions } from './wait.js';
