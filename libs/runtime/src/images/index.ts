export { imageRegistryConfig, registriesIn, type Registries } from './config.js';
export { ImageReader, type ImageRead } from './registry.js';
