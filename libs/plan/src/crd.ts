import { z } from 'zod';
import { PLAN_GROUP, PLAN_KIND, PLAN_PLURAL, PLAN_VERSION } from './kinds.js';
import { TERMINAL_PHASES } from './phases.js';
import { isRecord } from './records.js';
import { kindViolation, REFUSED_KINDS } from './refused-kinds.js';
import { planSpecSchema, planStatusSchema, WORKLOAD_API_VERSIONS } from './schema.js';
import { WORKLOAD_KINDS } from './strategies.js';

export type Schema = Record<string, unknown>;

/** Turns what the generator emits into a structural schema, as the API server demands. */
function structural(schema: unknown): Schema {
  if (!isRecord(schema)) throw new TypeError('not a schema');
  const { properties, items, additionalProperties, ...rest } = schema;
  const out: Schema = { ...rest };
  delete out['propertyNames'];
  delete out['$schema'];
  if (isRecord(properties))
    out['properties'] = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, structural(value)]));
  if (items !== undefined) out['items'] = structural(items);
  if (isRecord(additionalProperties)) {
    if (Object.keys(additionalProperties).length) out['additionalProperties'] = structural(additionalProperties);
    else out['x-kubernetes-preserve-unknown-fields'] = true;
  }
  if (Array.isArray(out['anyOf'])) return intOrString(out, out['anyOf']);
  if ('const' in out) {
    out['enum'] = [out['const']];
    delete out['const'];
  }
  return out;
}

/** A word or a number: a structural schema has no types within `anyOf`, so a rule says what each of them may be. */
function intOrString({ anyOf: _sides, ...rest }: Schema, sides: unknown[]): Schema {
  const side = (type: string): Schema => sides.filter(isRecord).find((one) => one['type'] === type) ?? {};
  const words = side('string')['enum'];
  const { minimum, maximum } = side('integer');
  if (!Array.isArray(words) || typeof minimum !== 'number' || typeof maximum !== 'number')
    throw new TypeError('a union is one of words and a bounded integer');
  const list = words.map((word) => `'${String(word)}'`).join(', ');
  const rule = `type(self) == int ? self >= ${minimum} && self <= ${maximum} : self in [${list}]`;
  const message = `must be ${words.join(', ')} or a number from ${minimum} to ${maximum}`;
  return { ...rest, 'x-kubernetes-int-or-string': true, 'x-kubernetes-validations': [{ rule, message }] };
}

export const jsonSchema = (schema: z.ZodType): Schema =>
  structural(z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0' }));

/** Immutable once the engine has begun: `oldSelf` is the plan before the edit. */
const started = "(has(oldSelf.status) && has(oldSelf.status.phase) && oldSelf.status.phase != 'Pending')";
const fixed = (field: string): Schema => ({
  rule: `!${started} || self.spec.${field} == oldSelf.spec.${field}`,
  message: `spec.${field} cannot be changed once the migration has begun; delete the plan and apply a new one`,
  fieldPath: `.spec.${field}`,
});
const weightRules: Schema[] = [
  {
    rule: 'self[self.size() - 1] == 100',
    message: 'the last weight must be 100: the workload is rolled out behind a canary that serves everything',
  },
  {
    rule: 'self.all(w, self.indexOf(w) == self.lastIndexOf(w)) && self.isSorted()',
    message: 'weights must rise, such as [10, 25, 50, 75, 100]',
  },
];

/** What stands for the workload's name and for the target while a sentence is made into an expression. */
const [NAME, TARGET] = ['«name»', '«target»'];
const FIELDS: Readonly<Record<string, string>> = { [NAME]: 'self.workloadRef.name', [TARGET]: 'self.targetSCC' };
const KIND = 'self.workloadRef.kind';
const listOf = (words: readonly string[]): string => JSON.stringify(words);

/** A sentence about a plan as an expression that puts in its own names. */
const sentenceExpression = (sentence: string): string =>
  sentence
    .split(new RegExp(`(${NAME}|${TARGET})`))
    .filter((part) => part !== '')
    .map((part) => FIELDS[part] ?? JSON.stringify(part))
    .join(' + ');

/** The way by hand for each kind that no plan moves, as admission says it: an enum would say that it is unsupported. */
function refusedExpression(otherwise: string): string {
  const refusals = REFUSED_KINDS.flatMap((kind) => kindViolation({ kind, name: NAME }, TARGET) ?? []);
  return REFUSED_KINDS.map((kind, index) => {
    const { code = '', message = '', remedy = '' } = refusals[index] ?? {};
    return `${KIND} == ${JSON.stringify(kind)} ? (${sentenceExpression(`${code}: ${message}. Remedy: ${remedy}`)}) : `;
  })
    .concat(JSON.stringify(otherwise))
    .join('');
}

const anyMoved = `a plan moves a ${WORKLOAD_KINDS.join(', ')}`;
const kindRules: Schema[] = [
  {
    rule: `${KIND} in ${listOf(WORKLOAD_KINDS)}`,
    message: anyMoved,
    messageExpression: refusedExpression(anyMoved),
    fieldPath: '.workloadRef.kind',
    reason: 'FieldValueForbidden',
  },
  {
    rule: `!(${KIND} in ${listOf(WORKLOAD_KINDS)}) || self.workloadRef.apiVersion in ${listOf(WORKLOAD_API_VERSIONS)}`,
    message: `must be one of ${WORKLOAD_API_VERSIONS.join(', ')}`,
    fieldPath: '.workloadRef.apiVersion',
  },
];

/** The words of a field are left to a rule, which says more than that another one is unsupported. */
function ruledWords(field: Schema | undefined, { max, pattern }: { max: number; pattern: string }): void {
  const words = field?.['enum'];
  if (!field || !Array.isArray(words)) throw new Error('the field has no words');
  delete field['enum'];
  Object.assign(field, { maxLength: max, pattern, description: `One of ${words.join(', ')}.` });
}

/** Newer never yields to older: a writer that was held up finds its status refused. */
const statusRules: Schema[] = [
  {
    rule: '!has(oldSelf.sequence) || (has(self.sequence) && self.sequence >= oldSelf.sequence)',
    message: 'a status with a greater sequence was written already; read the plan again',
    fieldPath: '.sequence',
  },
  {
    rule: `!has(oldSelf.phase) || !(oldSelf.phase in ${JSON.stringify(TERMINAL_PHASES).replaceAll('"', "'")}) || (has(self.phase) && self.phase == oldSelf.phase)`,
    message: 'the migration is over, and its final phase never changes; apply a new plan instead',
    fieldPath: '.phase',
  },
];
const statusStays: Schema = {
  rule: '!has(oldSelf.status) || has(self.status)',
  message: 'the status of a plan is never removed',
};

function statusSchema(): Schema {
  return { ...jsonSchema(planStatusSchema), 'x-kubernetes-validations': statusRules };
}

function specSchema(): Schema {
  const spec = jsonSchema(planSpecSchema);
  const traffic = (spec['properties'] as Record<string, Schema>)['traffic'];
  const weights = traffic && (traffic['properties'] as Record<string, Schema>)['weights'];
  if (!weights) throw new Error('the plan schema has no traffic.weights');
  weights['x-kubernetes-validations'] = weightRules;
  const { properties: refFields } = (spec['properties'] as Record<string, Schema>)['workloadRef'] ?? {};
  const { kind, apiVersion } = refFields as Record<string, Schema>;
  ruledWords(kind, { max: 63, pattern: '^[A-Z][A-Za-z0-9]*$' });
  ruledWords(apiVersion, { max: 317, pattern: '^([a-z0-9.-]+/)?v[a-z0-9]+$' });
  return { ...spec, 'x-kubernetes-validations': kindRules };
}

export const column = (name: string, jsonPath: string, rest: Schema = {}): Schema => ({
  name,
  type: 'string',
  jsonPath,
  ...rest,
});

interface Definition {
  kind: string;
  plural: string;
  scope: 'Namespaced' | 'Cluster';
  /** Beside `kind`, `listKind` and `plural`. */
  names: Schema & { singular: string; shortNames: string[] };
  columns: Schema[];
  description: string;
  spec: Schema;
  status: Schema;
  /** Rules about the whole object. */
  rules?: Schema[];
}

/** A CustomResourceDefinition of ours: one version, which is served and stored, with a status of its own. */
export const crdOf = (definition: Definition): Schema => {
  const { kind, plural, scope, names, columns, description, spec, status, rules } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${PLAN_GROUP}` },
    spec: {
      group: PLAN_GROUP,
      scope,
      names: { kind, listKind: `${kind}List`, plural, ...names },
      versions: [
        {
          name: PLAN_VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              required: ['spec'],
              description,
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec,
                status,
              },
              ...(rules && { 'x-kubernetes-validations': rules }),
            },
          },
        },
      ],
    },
  };
};

/** The CustomResourceDefinition of SCCMigrationPlan, generated from the zod schema. */
export const planCRD = (): Schema =>
  crdOf({
    kind: PLAN_KIND,
    plural: PLAN_PLURAL,
    scope: 'Namespaced',
    names: { singular: 'sccmigrationplan', shortNames: ['sccmp'], categories: ['all'] },
    columns: [
      column('Phase', '.status.phase'),
      column('Source', '.status.sourceSCC'),
      column('Target', '.spec.targetSCC'),
      column('Weight', '.status.weight', { type: 'integer' }),
      column('Risk', '.status.risk.band'),
      column('Strategy', '.status.strategy.type', { priority: 1 }),
      column('Message', '.status.message', { priority: 1 }),
      column('Age', '.metadata.creationTimestamp', { type: 'date' }),
    ],
    description: 'Moves one running workload from one Security Context Constraint to another.',
    spec: specSchema(),
    status: statusSchema(),
    rules: [fixed('workloadRef'), fixed('targetSCC'), statusStays],
  });
