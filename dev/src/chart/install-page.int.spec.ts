import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseObjects } from '../cluster/manifests.js';
import { CHART } from '../cluster/places.js';
import { ROOT } from '../paths.js';
import { runHelm } from './helm.js';
import { type Block, type BlockName, blocksOf, filledIn, readPage, unnamed } from './install-page.fixture.js';
import { podsOf, secretsOf } from './objects.fixture.js';
import { renderChart } from './render.js';

/** The claims of docs/INSTALL.md on files, flags, values, Secrets and images. dev/e2e runs its commands on a cluster. */

const run = promisify(execFile);
const MAJORS = [4, 3] as const;
const PROGRAMS = ['helm', 'kubectl', 'oc', 'openssl', 'rm', 'temporal'];
const FILLED = { IMAGE: 'images.example/scc-orchestrator', HOST: 'host.example', REVISION: '1' };

let folder: string;
let blocks: Block[];
/** The page without the table that is made from the schema. */
let prose: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-page-'));
  const page = await readPage();
  blocks = blocksOf(page);
  prose = page.replace(/<!-- values of the chart -->[\s\S]*<!-- end of values of the chart -->/, '');
  await mkdir(path.join(folder, 'bin'));
  const recorder = path.join(folder, 'recorder');
  const script = [
    '#!/bin/sh',
    `for word in "\${0##*/}" "$@"; do printf '%s\\0' "$word"; done`,
    String.raw`printf '\n\0'`,
  ];
  await writeFile(recorder, `${script.join('\n')}\n`, { mode: 0o755 });
  for (const program of PROGRAMS) await symlink(recorder, path.join(folder, 'bin', program));
  // Builds them where no machine has them yet.
  for (const major of MAJORS) await runHelm(['version'], { major });
}, 900_000);
afterAll(() => rm(folder, { recursive: true }));

/** The words of each command of a text, as a shell hands them to the program. */
async function commandsOf(text: string): Promise<string[][]> {
  const env = { PATH: path.join(folder, 'bin') };
  const { stdout } = await run('/bin/sh', ['-eu', '-c', text], { env });
  const ends = stdout.split('\n\0').slice(0, -1);
  return ends.map((words) => words.split('\0').slice(0, -1));
}

const commandsOfPage = async (): Promise<string[][]> =>
  (await Promise.all(blocks.filter(({ language }) => language === 'sh').map(({ text }) => commandsOf(text)))).flat();

/** Text between single backticks. */
const quoted = (): string[] =>
  [...prose.replace(/^ *```[\s\S]*?^ *```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);

const schemaNode = z.looseObject({
  get properties() {
    return z.record(z.string(), schemaNode).optional();
  },
});
async function isValue(name: string): Promise<boolean> {
  let node = schemaNode.parse(JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8')));
  for (const part of name.split('.')) {
    const inner = node.properties?.[part];
    if (!inner) return false;
    node = inner;
  }
  return true;
}

const INSTALLATIONS: BlockName[] = ['try it', 'install on Kubernetes', 'install on OpenShift'];
/** The arguments of the page's `helm install`, behind the chart. */
async function installation(name: BlockName): Promise<string[]> {
  const [command = []] = await commandsOf(filledIn(blocks, name, FILLED));
  expect(command.slice(0, 4)).toEqual(['helm', 'install', 'scc', 'deploy/helm']);
  return command.slice(4);
}

describe('docs/INSTALL.md', () => {
  it('has no block of commands without a name', () => {
    expect(unnamed(blocks)).toEqual([]);
    expect([...new Set(blocks.map(({ language }) => language))]).toEqual(['sh', 'sql', 'yaml']);
  });

  it('names values of the chart as the chart knows them', async () => {
    const named = quoted().flatMap((text) => /^([a-z]\w*(?:\.[a-z]\w*)+)(?:=.*)?$/i.exec(text)?.[1] ?? []);
    const ours = named.filter(
      (name) => !/^(scc|docker)\.|\.(key|crt|pem|svc|yaml)$|\.(example|io|local|poc)$/.test(name),
    );
    const commented = [...prose.matchAll(/# (\w+(?:\.\w+)+)$/gm)].map(([, name = '']) => name);
    const set = (await commandsOfPage()).flatMap((words) =>
      words.flatMap((word, index) => (words[index - 1] === '--set' ? [word.replace(/=.*/, '')] : [])),
    );
    const all = [...new Set([...ours, ...commented, ...set])];
    expect(all.length).toBeGreaterThan(20);
    const unknown: string[] = [];
    for (const name of all) if (!(await isValue(name))) unknown.push(name);
    expect(unknown).toEqual([]);
  });

  it('names files that are there', () => {
    const named = prose.match(/\b(?:deploy|docs|dev)\/[\w./-]*\w/g) ?? [];
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  it.each(MAJORS)(
    'calls Helm %i as it can be called',
    async (major) => {
      const calls = (await commandsOfPage()).filter(([program]) => program === 'helm');
      expect(calls.length).toBeGreaterThan(4);
      for (const [, name = '', ...words] of calls) {
        const help = await runHelm([name, '--help'], { major });
        const flags = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/=.*/, ''));
        expect([name, flags.filter((flag) => !new RegExp(`${flag}\\b`).test(help))]).toEqual([name, []]);
      }
      for (const name of INSTALLATIONS)
        expect(parseObjects(await renderChart(await installation(name), { major })).length).toBeGreaterThan(20);
    },
    60_000,
  );

  it('makes every Secret, with every key, that an installation reads and does not bring', async () => {
    const made = new Map<string, string[]>();
    for (const words of (await commandsOfPage()).filter((one) => one.includes('secret'))) {
      const [kind = '', name = ''] = words.slice(words.indexOf('secret') + 1);
      const keys = words.flatMap((word, index) =>
        /^--from-(literal|file)$/.test(words[index - 1] ?? '') ? [word.replace(/=.*/s, '')] : [],
      );
      made.set(name, kind === 'tls' ? ['tls.crt', 'tls.key'] : keys);
    }
    const commented = [...prose.matchAll(/secret \w+ (\S+) .*# (\S+)$/gm)].map(([, name, value]) => `${value}=${name}`);
    expect(commented.length).toBe(3);
    const optional = [...commented, 'audit.secretName=scc-audit'].flatMap((value) => ['--set', value]);
    // OpenShift makes them for Services with its annotation.
    const serviceCa = ['governance-tls', 'governance-webhook-tls'];
    for (const name of ['install on Kubernetes', 'install on OpenShift'] as const) {
      const objects = parseObjects(await renderChart([...(await installation(name)), ...optional]));
      const brought = objects.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name);
      const read = secretsOf(objects).filter((one) => ![...brought, ...serviceCa].includes(one.name));
      expect(new Set(read.map((one) => one.name))).toEqual(new Set(made.keys()));
      for (const one of read) expect(made.get(one.name)).toEqual(expect.arrayContaining(one.keys));
    }
  }, 60_000);

  it('names every image that an installation, its build or docker-compose.yml takes from elsewhere', async () => {
    const dockerfile = await readFile(path.join(ROOT, 'deploy', 'docker', 'Dockerfile'), 'utf8');
    const composed = z
      .object({ services: z.record(z.string(), z.looseObject({ image: z.string().optional() })) })
      .parse(parse(await readFile(path.join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }));
    const rendered = [...podsOf(parseObjects(await renderChart(['--set', 'tryout=true']))).values()];
    const taken = new Set([
      ...rendered.flatMap(({ spec }) => spec.containers.map(({ image }) => image)),
      ...Object.values(composed.services).flatMap(({ image }) => image ?? []),
      ...[...dockerfile.matchAll(/^ARG BASE=(.+)$/gm)].map(([, image = '']) => image),
    ]);
    const others = [...taken].filter((image) => !image.startsWith('scc-orchestrator:'));
    expect(others.length).toBe(3);
    const section = prose.slice(prose.indexOf('## Disconnected'), prose.indexOf('## Certificates'));
    expect(others.filter((image) => !section.includes(`\`${image}\``))).toEqual([]);
  }, 60_000);

  it('is right that one value leads every image to a mirror', async () => {
    for (const platform of ['kubernetes', 'openshift']) {
      const values = ['tryout=true', `platform=${platform}`, 'image.registry=mirror.example:5000/scc'];
      const text = await renderChart(values.flatMap((value) => ['--set', value]));
      const images = [...text.matchAll(/^ *(?:- )?image: *"?([^"\n]+)"?$/gm)].map(([, image = '']) => image);
      expect(images.length).toBeGreaterThan(5);
      expect(images.filter((image) => !image.startsWith('mirror.example:5000/scc/'))).toEqual([]);
    }
  }, 60_000);
});
