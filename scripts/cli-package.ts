/**
 * Makes the npm package of sccctl in a folder: one bundled file, the launcher that looks at the version of Node before it
 * loads that file, and the licences of all that is bundled. `npm pack FOLDER` then makes the archive.
 * Usage: node scripts/cli-package.ts [FOLDER], dist/sccctl unless said otherwise. The packages must have been built.
 */
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, type Rolldown } from 'vite';
import { root } from './packages.ts';

const CLI = path.join(root, 'apps', 'cli');
/** By which names the command is found: by itself, and as a plugin of kubectl and oc. */
const NAMES = ['sccctl', 'kubectl-scc', 'oc-scc'];
/** Speeds up `ws`, which does without. */
const OPTIONAL = ['bufferutil', 'utf-8-validate'];

interface Manifest {
  name: string;
  version: string;
  description?: string;
  license?: string;
  engines?: Record<string, string>;
}

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as Manifest;

async function bundle(folder: string): Promise<Rolldown.OutputChunk> {
  const built = await build({
    configFile: false,
    root: CLI,
    logLevel: 'error',
    ssr: { noExternal: true, external: OPTIONAL, target: 'node' },
    build: {
      ssr: path.join(CLI, 'dist', 'start.js'),
      outDir: path.join(folder, 'dist'),
      emptyOutDir: true,
      target: 'node22',
      minify: 'oxc',
      copyPublicDir: false,
      rolldownOptions: { output: { entryFileNames: 'start.js', codeSplitting: false } },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ('output' in one ? one.output : []));
  const [chunk, ...more] = outputs;
  if (chunk?.type !== 'chunk' || more.length > 0)
    throw new Error(`the bundle is not one file: ${outputs.map(({ fileName }) => fileName).join(', ')}`);
  return chunk;
}

/** The folder of the package that a module is of; null for a module of this repository or of the bundler. */
function packageFolder(module: string): string | null {
  const at = module.lastIndexOf(`${path.sep}node_modules${path.sep}`);
  if (at === -1 || !path.isAbsolute(module)) return null;
  const inside = module.slice(at).split(path.sep).slice(2);
  const names = inside.slice(0, inside[0]?.startsWith('@') ? 2 : 1);
  return path.join(module.slice(0, at), 'node_modules', ...names);
}

/** The licences of what is bundled, as their packages have them. */
async function licences(modules: readonly string[]): Promise<string> {
  const folders = new Set(modules.map((module) => packageFolder(module.replace(/^\0+|\?.*$/g, ''))));
  const texts = await Promise.all(
    [...folders].toSorted().flatMap((folder) => (folder === null ? [] : [licenceOf(folder)])),
  );
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenceOf(folder: string): Promise<string> {
  const { name, version, license } = await manifestOf(folder);
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).toSorted();
  if (license === undefined && files.length === 0) throw new Error(`${name}: has no licence; it cannot be bundled`);
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
  return [`${name} ${version} (${license ?? 'see below'})`, ...texts.map((text) => text.trim())].join('\n\n') + '\n';
}

async function make(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { moduleIds } = await bundle(folder);
  for (const file of ['main.js', 'node-version.js'])
    await cp(path.join(CLI, 'dist', file), path.join(folder, 'dist', file));
  const [whole, cli] = [await manifestOf(root), await manifestOf(CLI)];
  const manifest = {
    name: 'sccctl',
    version: cli.version,
    description: whole.description,
    license: whole.license,
    type: 'module',
    bin: Object.fromEntries(NAMES.map((name) => [name, 'dist/main.js'])),
    engines: whole.engines,
    files: ['dist', 'THIRD-PARTY-LICENSES.txt'],
  };
  await writeFile(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await cp(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  await cp(path.join(root, 'docs', 'CLI.md'), path.join(folder, 'README.md'));
  await writeFile(path.join(folder, 'THIRD-PARTY-LICENSES.txt'), await licences(moduleIds));
  const { size } = await stat(path.join(folder, 'dist', 'start.js'));
  process.stderr.write(`${folder}: sccctl ${cli.version} in one file of ${(size / 1024 / 1024).toFixed(1)} MiB\n`);
}

await make(path.resolve(process.argv[2] ?? path.join(root, 'dist', 'sccctl')));
