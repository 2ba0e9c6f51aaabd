export { isIstioController } from './proof.js';
export { istiodUrls, istiodView } from './proxies.js';
export { IstioRouter, type IstioRouterOptions } from './router.js';
