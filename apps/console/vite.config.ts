import path from 'node:path';
import { defineConfig } from 'vite';

const here = import.meta.dirname;

export default defineConfig({
  root: here,
  base: './',
  resolve: {
    // Packages of this repository are bundled from their sources.
    conditions: ['source', 'module', 'browser', 'production'],
    alias: {
      // libs/audit checks proofs in the browser by its own code; these stand for what Node gives it.
      'node:crypto': path.join(here, 'src/node/crypto.ts'),
      'node:util': path.join(here, 'src/node/util.ts'),
    },
  },
  build: {
    outDir: path.join(here, 'dist/pages'),
    emptyOutDir: true,
    target: 'es2022',
    // Nothing is put into the page itself: the policy of the page allows no inline script or style.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
});
