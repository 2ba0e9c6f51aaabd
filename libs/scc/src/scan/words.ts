/**
 * What a scan says, without its schemas: pages of the console import this front door (`@scc/scc/words`), which holds
 * neither zod nor a Node built-in.
 */
export { CATEGORIES, categoryWords } from './categories.js';
export { evidenceSentence } from './evidence-words.js';
export { firstObstacle } from './obstacle.js';
export { planForRow } from './plans.js';
export { isMovable } from './rows.js';
