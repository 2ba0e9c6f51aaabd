export * from './schema.js';
export { durationMs } from './duration.js';
export * from './events.js';
