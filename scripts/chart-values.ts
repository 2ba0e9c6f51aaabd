/** The chart's values.yaml and their reference for docs/INSTALL.md, both from values.schema.json. */
import { Document, isMap, isScalar, Scalar, stringify } from 'yaml';
import { z } from 'zod';

const valueSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  get properties() {
    return z.record(z.string(), valueSchema).optional();
  },
});
type ValueSchema = z.infer<typeof valueSchema>;
const rootSchema = z.looseObject({
  properties: z.record(z.string(), valueSchema),
  definitions: z.record(z.string(), valueSchema),
});
type RootSchema = z.infer<typeof rootSchema>;

export const parseSchema = (text: string): RootSchema => rootSchema.parse(JSON.parse(text));

interface Value {
  path: string[];
  kind: string;
  description: string;
  fallback: unknown;
}

/** Every value in the order of the schema. @throws Error when one has no description or no default */
function valuesOf(root: RootSchema, properties = root.properties, before: string[] = []): Value[] {
  return Object.entries(properties).flatMap(([name, own]) => {
    const path = [...before, name];
    if (own.properties !== undefined) return valuesOf(root, own.properties, path);
    const shared: Partial<ValueSchema> = root.definitions[own.$ref?.replace('#/definitions/', '') ?? ''] ?? {};
    const { description, default: fallback } = own;
    if (description === undefined || fallback === undefined)
      throw new Error(`${path.join('.')} needs a description and a default in values.schema.json`);
    const kind = own.enum?.map((one) => `\`${one}\``).join(', ') ?? own.type ?? shared.type ?? 'any';
    return [{ path, kind, description, fallback }];
  });
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const WIDTH = 116;

/** values.yaml: every default, each under its description. */
export function valuesFile(schema: RootSchema): string {
  const document = new Document({});
  for (const { path, description, fallback } of valuesOf(schema)) {
    document.setIn(path, document.createNode(fallback, { flow: Array.isArray(fallback) }));
    const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
    if (!isMap(parent)) throw new Error(`${path.join('.')} is not in a map`);
    const pair = parent.items.find(({ key }) => (isScalar(key) ? key.value : key) === path.at(-1));
    if (!pair) throw new Error(`${path.join('.')} is not there`);
    const key = new Scalar(path.at(-1));
    const lines = wrapped(description, WIDTH - 2 * path.length);
    key.commentBefore = lines.map((line) => ` ${line}`).join('\n');
    pair.key = key;
  }
  return `# Generated from values.schema.json by \`npm run generate\`.\n\n${document.toString({ lineWidth: 0 })}`;
}

const escaped = (text: string): string => text.replaceAll('|', '\\|');
const written = (value: unknown): string =>
  typeof value === 'object'
    ? stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()
    : JSON.stringify(value);

/** The reference, as a table in Markdown. */
export const valuesTable = (schema: RootSchema): string =>
  [
    '| value | kind | default | meaning |',
    '| --- | --- | --- | --- |',
    ...valuesOf(schema).map(
      ({ path, kind, description, fallback }) =>
        `| \`${path.join('.')}\` | ${escaped(kind)} | \`${escaped(written(fallback))}\` | ${escaped(description)} |`,
    ),
  ].join('\n');
