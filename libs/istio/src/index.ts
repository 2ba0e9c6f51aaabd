export { isIstioController } from './proof.js';
export { istiodView } from './proxies.js';
export { IstioRouter, type IstioRouterOptions } from './router.js';
