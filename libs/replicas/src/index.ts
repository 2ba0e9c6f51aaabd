export { keepLentEndpoints } from './keeper.js';
export { ReplicasRouter } from './router.js';
export { sharesAhead } from './share.js';
export { dividesByReplicas, REPLICAS } from './survey.js';
