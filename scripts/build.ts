/**
 * Builds every package into its own dist/: `tsc -b` compiles what changed (types are checked by `npm run check`), files
 * that are read at run time are copied beside, the workflow code is bundled, and so are the pages of the console.
 * `--clean` starts over.
 * Prints nothing when nothing changed, and never to stdout, which belongs to the command that is run after it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { packageFolders, root } from './packages.ts';

/** The sources of the workflow bundle: when none of them changed, the bundle stays. */
const BUNDLED = ['workflows/migration', 'libs/plan', 'libs/routing'];
const BUNDLE = path.join(root, 'workflows', 'migration', 'dist', 'workflow-bundle.js');
const BUILD_CONFIG = 'tsconfig.build.json';
/** The folder whose pages Vite builds, and what they are made of beside it. */
const CONSOLE = path.join(root, 'apps', 'console');
const PAGES_INPUTS = [
  ...['src', 'public', 'index.html', 'vite.config.ts', 'tsconfig.json'].map((name) =>
    path.join('apps', 'console', name),
  ),
  ...['libs/audit/src', 'libs/plan/src', 'libs/scc/src/scan', 'package-lock.json'],
];

const mtimeOf = async (file: string): Promise<number> => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
const filesBelow = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
};

async function compile(folders: readonly string[]): Promise<void> {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const projects = folders.map((folder) => path.join(folder, BUILD_CONFIG));
  await promisify(execFile)(process.execPath, [tsc, '-b', ...projects], { cwd: root }).catch((error: unknown) => {
    throw new Error(`tsc -b failed:\n${(error as { stdout: string }).stdout}`);
  });
}

/** Copies SQL and the like from src/ to dist/, and removes from dist/ what has no source any more. */
async function assets(folder: string): Promise<void> {
  const source = path.join(folder, 'src');
  const dist = path.join(folder, 'dist');
  const copies = (await filesBelow(source)).filter((file) => !file.endsWith('.ts'));
  const kept = new Set<string>();
  for (const file of copies) {
    const copy = path.join(dist, path.relative(source, file));
    kept.add(copy);
    if ((await mtimeOf(copy)) >= (await mtimeOf(file))) continue;
    await mkdir(path.dirname(copy), { recursive: true });
    await cp(file, copy);
  }
  for (const file of await filesBelow(dist)) {
    const name = path.relative(dist, file).replace(/\.js(\.map)?$/, '.ts');
    const isKept = kept.has(file) || file.startsWith(BUNDLE) || name === '.tsbuildinfo';
    const compiledFrom = [path.join(source, name), path.join(folder, name)];
    if (!isKept && !(await Promise.all(compiledFrom.map(mtimeOf))).some((time) => time > 0)) await rm(file);
  }
}

/** @returns whether there was anything to do */
async function bundleWorkflows(): Promise<boolean> {
  const stampPath = `${BUNDLE}.inputs`;
  const hash = createHash('sha256');
  for (const folder of BUNDLED)
    for (const file of (await filesBelow(path.join(root, folder, 'dist'))).sort())
      if (file.endsWith('.js') && file !== BUNDLE) hash.update(file).update(await readFile(file));
  const stamp = hash.digest('hex');
  if ((await readFile(stampPath, 'utf8').catch(() => '')) === stamp && (await mtimeOf(BUNDLE)) > 0) return false;
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const workflowsPath = path.join(path.dirname(BUNDLE), 'index.js');
  const workflowInterceptorModules = [path.join(path.dirname(BUNDLE), 'tracing.js')];
  const logger = new DefaultLogger('WARN');
  const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger });
  await writeFile(BUNDLE, code);
  await writeFile(stampPath, stamp);
  return true;
}

/** @returns whether there was anything to do */
async function buildPages(): Promise<boolean> {
  const pages = path.join(CONSOLE, 'dist', 'pages');
  const stampPath = path.join(CONSOLE, 'dist', 'pages.inputs');
  const hash = createHash('sha256');
  for (const input of PAGES_INPUTS.map((name) => path.join(root, name))) {
    const files = (await stat(input)).isFile() ? [input] : (await filesBelow(input)).sort();
    for (const file of files.filter((name) => !name.endsWith('.spec.ts')))
      hash.update(path.relative(root, file)).update(await readFile(file));
  }
  const stamp = hash.digest('hex');
  if ((await readFile(stampPath, 'utf8').catch(() => '')) === stamp && (await mtimeOf(pages)) > 0) return false;
  const { build } = await import('vite');
  await build({ configFile: path.join(CONSOLE, 'vite.config.ts'), logLevel: 'warn' });
  for (const file of await filesBelow(pages))
    if (/\.(js|css|html|svg)$/.test(file)) await writeFile(`${file}.gz`, gzipSync(await readFile(file), { level: 9 }));
  await writeFile(stampPath, stamp);
  return true;
}

const startedMs = Date.now();
const all = await packageFolders();
const folders = all.filter((folder) => folder !== CONSOLE);
if (process.argv.includes('--clean'))
  await Promise.all(all.map((folder) => rm(path.join(folder, 'dist'), { recursive: true, force: true })));
await compile(folders);
const compiled = (
  await Promise.all(
    folders.map(async (folder) => (await mtimeOf(path.join(folder, 'dist', '.tsbuildinfo'))) > startedMs),
  )
).filter(Boolean).length;
await Promise.all(folders.map(assets));
const bundled = await bundleWorkflows();
const hasPages = await buildPages();
if (compiled > 0 || bundled || hasPages) {
  const parts = [
    `${compiled} of ${folders.length} packages`,
    ...(bundled ? ['the workflow bundle'] : []),
    ...(hasPages ? ['the pages of the console'] : []),
  ];
  console.error(`built ${parts.join(', ')} in ${Date.now() - startedMs} ms`);
}
