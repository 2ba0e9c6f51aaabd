import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { aimOf, inventoryOf, scan } from '@scc/scc/scan';
import { collectFiles } from './files.js';

/** Files as charts and people leave them: each row was worked out by hand, and no file ends a scan. */

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scan-odd-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** `KIND NAME CATEGORY LEAST-SCC` of each workload, and what could not be read. */
async function scanned() {
  const { objects, unreadable } = await collectFiles([folder]);
  const inventory = inventoryOf(objects, 'shop');
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('no aim');
  const { rows } = scan(inventory, aim);
  return {
    rows: rows.map(({ kind, name, category, leastAsIs }) => `${kind} ${name} ${category} ${leastAsIs ?? 'none'}`),
    unreadable: [...unreadable, ...inventory.unreadable].map(
      ({ source, reason }) => `${path.basename(source)}: ${reason}`,
    ),
  };
}

const pod = (name: string, container = '', spec = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name} }\nspec: { ${spec}containers: [{ name: c, image: i${container} }] }\n`;
const utf16 = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le');

const STRICT = 'Pod a Strict restricted-v2';
const CASES: [string, string | Buffer, string[], RegExp[]][] = [
  [
    'a byte order mark before each joined file',
    `\uFEFF${pod('a')}---\n\uFEFF${pod('b')}`,
    [STRICT, 'Pod b Strict restricted-v2'],
    [],
  ],
  ['lines that end as on Windows', pod('a').replaceAll('\n', '\r\n'), [STRICT], []],
  ['UTF-16 as a shell on Windows writes it', utf16(pod('a')), [STRICT], []],
  ['bytes that are no text', Buffer.from([0x61, 0x3a, 0x20, 0x80, 0xff]), [], [/no text in UTF-8/]],
  ['comments and empty documents alone', '# nothing\n---\n# more\n---\n~\n', [], []],
  [
    'a security context that is merged into the container',
    `x: &root { securityContext: { privileged: true } }\napiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [{ <<: *root, name: c, image: i }] }\n`,
    ['Pod a Patch privileged'],
    [],
  ],
  ['an anchor used twice', `${pod('a', ', env: &e [{ name: X, value: y }]')}status: { e: *e }\n`, [STRICT], []],
  [
    'a template that was left in, and what follows it',
    `kind: {{ .Values.kind }}\napiVersion: v1\n---\n${pod('a')}`,
    [STRICT],
    [/document 1: /],
  ],
  [
    'a block of a template that was left in',
    `{{- if .Values.on }}\n${pod('a')}{{- end }}\n---\n${pod('b')}`,
    ['Pod b Strict restricted-v2'],
    [/document 1: /],
  ],
  ['a tab', `apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n`, [], [/[Tt]abs/]],
  [
    'a key that is there twice: the last one counts, as in Kubernetes',
    pod('b').replace('{ name: b }', '{ name: b, name: a }'),
    [STRICT],
    [],
  ],
  [
    'a list in a list',
    `apiVersion: v1\nkind: List\nitems: [{ apiVersion: v1, kind: List, items: [{ ${pod('a').trim().replaceAll('\n', ', ')} }] }]\n`,
    [STRICT],
    [],
  ],
  [
    'an array of objects',
    JSON.stringify([{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }] } }]),
    [STRICT],
    [],
  ],
  [
    'JSON among YAML',
    `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}}\n---\n${pod('b')}`,
    [STRICT, 'Pod b Strict restricted-v2'],
    [],
  ],
  [
    'a definition and an object of a kind that nothing knows',
    `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: apps.x }\nspec: {}\n---\napiVersion: x/v1\nkind: App\nmetadata: { name: a }\nspec: { template: 3 }\n`,
    [],
    [],
  ],
  ['a word that only old YAML takes for true', pod('a', ', securityContext: { privileged: on }'), [], [/privileged/]],
  ['brackets without end', '['.repeat(20_000), [], [/./]],
  ['values of a chart', 'image: { tag: 1 }\nreplicas: 3\n', [], []],
  [
    'a host path beside a Job',
    `${pod('a', '', 'volumes: [{ name: v, hostPath: { path: / } }], ')}---\napiVersion: batch/v1\nkind: Job\nmetadata: { name: j }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: i, securityContext: { runAsUser: 0 } }] } } }\n`,
    ['Job j Patch anyuid', 'Pod a Never hostmount-anyuid'],
    [],
  ],
];

describe('a scan of odd files', () => {
  it.each(CASES)('%s', async (_case, content, rows, reasons) => {
    await writeFile(path.join(folder, 'f.yaml'), content);
    const found = await scanned();
    expect(found.rows).toEqual(rows);
    expect(found.unreadable).toEqual(reasons.map((reason) => expect.stringMatching(reason) as unknown));
  });

  it('follows links, ends where they lead in circles, and names one that leads nowhere', async () => {
    await mkdir(path.join(folder, 'in'));
    await writeFile(path.join(folder, 'in', 'data'), pod('a'));
    await symlink('in/data', path.join(folder, 'linked.yaml'));
    await symlink('..', path.join(folder, 'in', 'up'));
    await symlink('nowhere', path.join(folder, 'broken.yaml'));
    expect(await scanned()).toEqual({
      rows: [STRICT],
      unreadable: [expect.stringMatching(/^broken\.yaml: .*ENOENT/)],
    });
  });

  it('counts an object once, and names it where files differ', async () => {
    await writeFile(path.join(folder, '1.yaml'), pod('a'));
    await writeFile(path.join(folder, '2.yaml'), pod('a'));
    expect(await scanned()).toEqual({ rows: [STRICT], unreadable: [] });
    await writeFile(path.join(folder, '3.yaml'), pod('a', ', securityContext: { privileged: true }'));
    expect(await scanned()).toEqual({
      rows: ['Pod a Patch privileged'],
      unreadable: ['Pod a: it is given more than once; the last one counts'],
    });
  });
});
