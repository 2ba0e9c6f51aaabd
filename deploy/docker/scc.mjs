/** Starts one program of the image, named by the first argument: it is the process that the container's signals reach. */
import { fileURLToPath } from 'node:url';

const PROGRAMS = {
  governance: 'apps/governance/dist/main.js',
  webhook: 'apps/governance/dist/webhook.js',
  migrate: 'apps/governance/dist/migrate.js',
  'default-sccs': 'apps/governance/dist/default-sccs.js',
  worker: 'apps/worker/dist/main.js',
  watcher: 'apps/watcher/dist/main.js',
  'uninstall-check': 'apps/watcher/dist/uninstall-check.js',
  sccctl: 'apps/cli/dist/main.js',
};

const [node, , name, ...args] = process.argv;
const program = Object.hasOwn(PROGRAMS, name ?? '') ? PROGRAMS[name] : undefined;
if (program === undefined) {
  console.error(
    `${name ?? 'no program'} is not a program of this image; there are ${Object.keys(PROGRAMS).join(', ')}`,
  );
  process.exitCode = 64;
} else {
  const file = new URL(program, import.meta.url);
  process.argv = [node, fileURLToPath(file), ...args];
  await import(file.href);
}
