/**
 * Lets Node run the TypeScript sources of a fresh checkout: Node strips the types, this resolves the `@scc/NAME` aliases
 * and the `.js` endings of relative imports. For command-line tools only; the services run what `npm run build` wrote.
 */
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const libs = new URL('../libs/', import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    const alias = /^@scc\/([a-z-]+)$/.exec(specifier);
    if (alias) return next(new URL(`${alias[1]}/src/index.ts`, libs).href, context);
    if (!/^\.\.?\/.*\.js$/.test(specifier) || !context.parentURL?.endsWith('.ts')) return next(specifier, context);
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    return next(existsSync(fileURLToPath(source)) ? source.href : specifier, context);
  },
});
