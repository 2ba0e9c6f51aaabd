/**
 * Compiles every TypeScript source to dist/ (aliases become relative paths), copies the files that are read at run
 * time, and bundles the workflow code. Only what changed is compiled again; `--clean` starts over.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { transformFile } from '@swc/core';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
const sources = ['apps', 'libs', 'workflows', 'dev', 'bench'];
const assetEndings = new Set(['.sql', '.html', '.css', '.js', '.svg', '.yaml', '.json']);
const skipped = (file) => /\.spec\.ts$|\.d\.ts$|\/histories\/|\/modules\/|tsconfig\.json$/.test(file);

async function* walk(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(full);
    else yield full;
  }
}

const mtime = async (file) => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
const outputOf = (file) => path.join(dist, path.relative(root, file)).replace(/\.ts$/, '.js');

/** `@scc/NAME` becomes the relative path to that lib's compiled index: Node resolves no TypeScript alias. */
const withoutAlias = (code, file) =>
  code.replace(/(\bfrom\s*|\bimport\s*\(?\s*)(['"])@scc\/([a-z-]+)\2/g, (_all, before, quote, lib) => {
    const target = path.join(root, 'libs', lib, 'src', 'index.js');
    const relative = path.relative(path.dirname(file), target);
    return `${before}${quote}${relative.startsWith('.') ? relative : `./${relative}`}${quote}`;
  });

async function compile(file) {
  const out = outputOf(file);
  if ((await mtime(out)) > (await mtime(file))) return false;
  const { code, map } = await transformFile(file, { sourceMaps: true, swcrc: true });
  await mkdir(path.dirname(out), { recursive: true });
  await writeFile(`${out}.map`, map ?? '{}');
  await writeFile(out, `${withoutAlias(code, file)}\n//# sourceMappingURL=${path.basename(out)}.map\n`);
  return true;
}

async function build(file) {
  if (skipped(file)) return undefined;
  if (file.endsWith('.ts')) return { out: outputOf(file), changed: await compile(file) };
  if (!assetEndings.has(path.extname(file))) return undefined;
  const out = path.join(dist, path.relative(root, file));
  const changed = (await mtime(out)) < (await mtime(file));
  if (changed) await cp(file, out, { recursive: true });
  return { out, changed };
}

async function removeStale(kept) {
  for (const folder of sources)
    for await (const file of walk(path.join(dist, folder)))
      if (!kept.has(file.replace(/\.map$/, ''))) await rm(file, { force: true });
}

async function bundleWorkflows() {
  const workflowsPath = path.join(dist, 'workflows', 'migration', 'index.js');
  if (!(await mtime(workflowsPath))) return;
  const bundlePath = path.join(dist, 'workflow-bundle.js');
  const stampPath = `${bundlePath}.inputs`;
  const hash = createHash('sha256');
  for (const folder of ['workflows', 'libs/plan', 'libs/routing'])
    for await (const file of walk(path.join(dist, folder)))
      if (file.endsWith('.js')) hash.update(file).update(await readFile(file));
  const stamp = hash.digest('hex');
  if ((await readFile(stampPath, 'utf8').catch(() => '')) === stamp && (await mtime(bundlePath))) return;
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = { info() {}, debug() {}, trace() {}, warn: console.warn, error: console.error, log() {} };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
  await writeFile(bundlePath, code);
  await writeFile(stampPath, stamp);
  console.log(`bundled workflows (${Math.round(code.length / 1024)} KiB)`);
}

if (process.argv.includes('--clean')) await rm(dist, { recursive: true, force: true });
const started = Date.now();
const files = [];
for (const folder of sources) for await (const file of walk(path.join(root, folder))) files.push(file);
const built = (await Promise.all(files.map(build))).filter(Boolean);
await removeStale(new Set(built.map(({ out }) => out)));
await writeFile(path.join(dist, 'package.json'), '{ "type": "module" }\n');
await bundleWorkflows();
console.log(
  `built ${built.filter(({ changed }) => changed).length} of ${built.length} files in ${Date.now() - started} ms`,
);
