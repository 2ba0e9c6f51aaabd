import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { HELM } from '../binaries/catalogue.js';
import { ROOT } from '../paths.js';
import { runHelm, type HelmOptions } from './helm.js';
import { CHART, PLATFORMS, RENDERED, type Platform } from '../cluster/places.js';

/** The namespace of the product, and the oldest Kubernetes that the chart is for. */
const NAMESPACE = 'scc-system';
const OLDEST = '1.30.0';
const RELEASE = 'scc';

export { promtoolProgram } from './helm.js';
export { PLATFORMS };

/** The chart's objects as Helm would install them, as one YAML text. @param args such as `--set tryout=true` */
export const renderChart = (args: readonly string[], options: HelmOptions = {}): Promise<string> =>
  runHelm(['template', RELEASE, CHART, '--namespace', NAMESPACE, '--kube-version', OLDEST, ...args], options);

/**
 * A rendering for kustomize: its files by name. It is applied by other tools than Helm, and names the Secrets that
 * have to be there beforehand, since a rendering cannot make a random key.
 */
export async function renderForKustomize(
  platform: Platform,
  progress: (line: string) => void,
): Promise<Map<string, string>> {
  const values = path.join(RENDERED, `${platform}.values.yaml`);
  const text = await renderChart(['--values', values], { progress });
  const files = new Map<string, string>();
  for (const document of text.split(/^---\n/m)) {
    const source = /^# Source: scc-orchestrator\/templates\/(.+)\.yaml$/m.exec(document)?.[1];
    if (source === undefined || !/^kind:/m.test(document)) continue;
    const name = `${source.replaceAll('/', '-')}.yaml`;
    const content = document
      .replace(/^# Source: .*\n/m, '')
      .replace(/^ *app\.kubernetes\.io\/(managed-by|instance): .*\n/gm, '')
      .replace(/[ \t]+$/gm, '')
      .replace(/^\n+/, '')
      .replace(/\n*$/, '\n');
    const before = files.get(name);
    files.set(name, before === undefined ? content : `${before}---\n${content}`);
  }
  const resources = [...files.keys()].sort();
  const header = '# Generated from deploy/helm by `npm run generate`.\n';
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    metadata: { name: 'scc-orchestrator' },
    resources,
  };
  return new Map([
    ...[...files].map(([name, content]) => [name, header + content] as const),
    ['kustomization.yaml', header + stringify(kustomization)],
  ]);
}

const digest = (parts: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
};

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

/** The inputs of a rendering, in one line: the chart, the values, and the version of Helm. */
export async function chartDigest(): Promise<string> {
  const inputs = [...(await filesBelow(CHART)), ...PLATFORMS.map((name) => path.join(RENDERED, `${name}.values.yaml`))];
  const texts = await Promise.all(inputs.map((file) => readFile(file, 'utf8')));
  return digest([HELM.version, ...inputs.flatMap((file, index) => [path.relative(ROOT, file), texts[index] ?? ''])]);
}

/** A rendering's own content, in one line. */
export const renderingDigest = (files: ReadonlyMap<string, string>): string =>
  digest([...files].sort(([a], [b]) => (a < b ? -1 : 1)).flat());

/** A committed rendering, its files by name. */
export async function committedRendering(platform: Platform): Promise<Map<string, string>> {
  const folder = path.join(RENDERED, platform);
  const names = (await readdir(folder).catch(() => [])).sort();
  const texts = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')));
  return new Map(names.map((name, index) => [name, texts[index] ?? '']));
}
