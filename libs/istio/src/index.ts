export { istiodView } from './proxies.js';
export { IstioRouter } from './router.js';
