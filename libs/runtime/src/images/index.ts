export { ImageReader, type ImageRead } from './registry.js';
