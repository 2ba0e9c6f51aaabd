import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parseObjects } from '../cluster/manifests.js';
import { CHART } from '../cluster/places.js';
import { runHelm } from './helm.js';
import { renderChart } from './render.js';

/** The values that the chart refuses: whatever its schema rules out, and combinations that cannot work. */

const TRY = ['--set', 'tryout=true'];
const MAJORS = [4, 3] as const;

const nodeSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  minimum: z.int().optional(),
  maximum: z.int().optional(),
  maxLength: z.int().optional(),
  minItems: z.int().optional(),
  uniqueItems: z.boolean().optional(),
  required: z.array(z.string()).optional(),
  default: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  get items() {
    return nodeSchema.optional();
  },
  get properties() {
    return z.record(z.string(), nodeSchema).optional();
  },
  get patternProperties() {
    return z.record(z.string(), nodeSchema).optional();
  },
});
type Node = z.infer<typeof nodeSchema>;
const rootSchema = z.looseObject({
  properties: z.record(z.string(), nodeSchema),
  definitions: z.record(z.string(), nodeSchema),
});

/** The schema of all keys of an object, where it has one. */
const allOf = (additional: unknown): Node[] => (typeof additional === 'object' ? [nodeSchema.parse(additional)] : []);

/** Texts that no name, number, address or path of the chart may be. */
const ODD = ['a b', '-', 'a\nb: c', 'ä', '{{ .Values }}', '"', 'A_b!', ' ', '/'];

type Root = z.infer<typeof rootSchema>;

const wrongIntegers = ({ minimum, maximum }: Node): unknown[] => [
  ...['two', 1.5],
  ...(minimum === undefined ? [] : [minimum - 1]),
  ...(maximum === undefined ? [] : [maximum + 1]),
];

function wrongTexts({ pattern, maxLength }: Node): unknown[] {
  const allowed = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  const texts = allowed ? ODD.filter((text) => !allowed.test(text)) : [];
  return [3.5, ...texts, ...(maxLength === undefined ? [] : ['a'.repeat(maxLength + 1)])];
}

const wrongArrays = (root: Root, { items, uniqueItems }: Node): unknown[] => [
  'text',
  ...(items ? wrongFor(root, items).map((value) => [value]) : []),
  ...(uniqueItems === true ? [['same', 'same']] : []),
];

function wrongObjects(root: Root, { properties = {}, patternProperties = {}, additionalProperties }: Node): unknown[] {
  const named = Object.entries(properties);
  const others = [...Object.values(patternProperties), ...allOf(additionalProperties)];
  return [
    'text',
    ...(additionalProperties === false ? [{ 'no such key!': 'x' }] : []),
    ...[...named, ...others.map((inner) => ['name', inner] as const)].flatMap(([name, inner]) =>
      wrongFor(root, inner).map((value) => ({ [name]: value })),
    ),
  ];
}

const WRONG: Record<string, (root: Root, node: Node) => unknown[]> = {
  boolean: () => ['yes', 1],
  integer: (_root, node) => wrongIntegers(node),
  string: (_root, node) => wrongTexts(node),
  array: wrongArrays,
  object: wrongObjects,
};

/** Wrong values for a node of the schema, one for each thing that it demands. */
function wrongFor(root: Root, own: Node): unknown[] {
  const shared = root.definitions[own.$ref?.replace('#/definitions/', '') ?? ''];
  const node: Node = { ...shared, ...own };
  if (node.enum) return ['nonsense', ...node.enum.map((one) => `${one} `), 3.5];
  return typeof node.type === 'string' ? (WRONG[node.type]?.(root, node) ?? []) : [];
}

/** Every value by its path. */
function leavesOf(properties: Record<string, Node>, before: string[] = []): [path: string[], node: Node][] {
  return Object.entries(properties).flatMap(([name, node]): [string[], Node][] =>
    node.properties && node.default === undefined
      ? leavesOf(node.properties, [...before, name])
      : [[[...before, name], node]],
  );
}

function put(target: Record<string, unknown>, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) target[name] = value;
  else put((target[name] ??= {}) as Record<string, unknown>, rest, value);
}

let folder: string;
let wrong: { path: string[]; values: unknown[] }[];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-values-'));
  const root = rootSchema.parse(JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8')));
  wrong = leavesOf(root.properties)
    .filter(([[name]]) => name !== 'global')
    .map(([where, node]) => ({ path: where, values: wrongFor(root, node) }));
  // Builds them where no machine has them yet.
  for (const major of MAJORS) await runHelm(['version'], { major });
}, 900_000);
afterAll(() => rm(folder, { recursive: true }));

const refusal = (args: readonly string[], major: 3 | 4 = 4): Promise<string> =>
  renderChart(args, { major }).then(
    () => 'nothing was refused',
    (error: unknown) => String(error),
  );

describe.each(MAJORS)('the values under Helm %i', (major) => {
  it('are refused wherever the schema rules them out, each with its name', async () => {
    expect(wrong.filter(({ values }) => values.length < 2)).toEqual([]);
    const rounds = Math.max(...wrong.map(({ values }) => values.length));
    expect(rounds).toBeGreaterThan(8);
    const taken: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const nonsense: Record<string, unknown> = {};
      for (const { path: where, values } of wrong) put(nonsense, where, values[round % values.length]);
      const file = path.join(folder, `${major}-${round}.json`);
      await writeFile(file, JSON.stringify(nonsense));
      const said = await refusal(['--values', file], major);
      for (const { path: where, values } of wrong)
        if (!new RegExp(`'/${where.join('/')}['/]`).test(said))
          taken.push(`${where.join('.')} = ${JSON.stringify(values[round % values.length])}`);
    }
    expect(taken).toEqual([]);
  }, 300_000);
});

describe('combinations that cannot work', () => {
  it.each([
    [['database.ownerSecretName=own'], 'database.ownerSecretName: is set, but without database.secretName'],
    [['temporal.address=t:1', 'temporal.tls=never', 'temporal.caSecretName=ca'], 'temporal.tls: is never, but'],
    [['temporal.apiKeySecretName=key'], 'temporal.apiKeySecretName: is set, but the Temporal of tryout has no TLS'],
    [['mesh.istiodDebugUrl=http://istiod:8080'], 'mesh.istiodTokenOverHttp: is false, but mesh.istiodDebugUrl is http'],
    [['mesh.prometheusTokenSecretName=token'], 'mesh.prometheusUrl: is empty, but mesh.prometheusTokenSecretName'],
    [['mesh.prometheusHeaders.A=b'], 'mesh.prometheusUrl: is empty, but mesh.prometheusHeaders'],
    [['webhookGates.networks={10.0.0.0/8}'], 'webhookGates.hosts: is empty'],
    [['worker.before.image=scc:1', 'worker.before.buildId=v1'], 'worker.buildId: is "", but worker.before.image keeps'],
    [
      ['worker.before.image=scc:1', 'worker.before.buildId=v1', 'worker.buildId=v1'],
      'Temporal would give each the migrations of the other; name another build',
    ],
    [['worker.before.buildId=v1'], 'worker.before.image: is empty, but worker.before.buildId'],
    [['worker.namespaces={shop,scc-undo}'], "worker.namespaces: scc-undo is the product's own"],
    [['worker.env.TEMPORAL_ADDRESS=a:1'], 'worker.env.TEMPORAL_ADDRESS: is set by the chart itself'],
    [['governance.env.DATABASE_URL=x'], 'governance.env.DATABASE_URL: is set by the chart itself'],
  ])('are refused with the field, the reason and the remedy: %j', async (values, sentence) => {
    const said = await refusal([...TRY, ...values.flatMap((value) => ['--set', value])]);
    expect(said).toContain(sentence);
  });
});

describe('Helm 3 and Helm 4', () => {
  it.each([
    ['for trying', ['tryoutImages.postgres=mirror.example:5000/postgres:18']],
    [
      'for OpenShift',
      ['platform=openshift', 'certificates.source=service-ca', 'api.route=true', 'api.host=scc.example'],
    ],
    [
      'with a database and a Temporal of your own',
      ['tryout=false', 'database.secretName=db', 'temporal.address=temporal:7233', 'temporal.caSecretName=ca'],
    ],
  ])(
    'render the same and find nothing to complain about: %s',
    async (_case, values) => {
      const args = [...TRY, ...values.flatMap((value) => ['--set', value])];
      const [four, three] = await Promise.all(MAJORS.map((major) => renderChart(args, { major })));
      // Each rendering makes its own passwords, and each Helm has an order of its own.
      const comparable = (text = ''): string[] =>
        parseObjects(text.replace(/\b[A-Za-z0-9]{32}\b/g, 'PASSWORD'))
          .map((object) => JSON.stringify(object))
          .sort();
      expect(comparable(three)).toEqual(comparable(four));
      for (const major of MAJORS)
        expect(await runHelm(['lint', CHART, '--namespace', 'scc-system', '--strict', ...args], { major })).toContain(
          '0 chart(s) failed',
        );
    },
    60_000,
  );
});
