export * from './engine.js';
export { engineRoutes } from './routes.js';
