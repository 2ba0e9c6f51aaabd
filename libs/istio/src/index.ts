export { istiodView, type ProxyView } from './proxies.js';
export { IstioRouter, type IstioRouterOptions } from './router.js';
