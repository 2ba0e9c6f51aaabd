import { z } from 'zod';

const name = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
const identifier = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z][a-zA-Z0-9]*$/);
const expression = z.string().min(1).max(4096);

const parameterValue = z.union([z.boolean(), z.number(), z.string().max(1000), z.array(z.string().max(253)).max(100)]);
export type ParameterValue = z.infer<typeof parameterValue>;

const parameter = z.object({
  type: z.enum(['bool', 'int', 'double', 'string', 'strings']),
  default: parameterValue,
  description: z.string().max(500).default(''),
});

const rule = z.object({
  name,
  when: expression.describe('CEL that yields a bool: the verdict applies where it is true.'),
  verdict: z.enum(['deny', 'requireApproval']),
  approval: z
    .object({ role: name, count: z.int().min(1).max(10) })
    .optional()
    .describe('Who has to agree; set exactly when the verdict is requireApproval.'),
  field: z.string().min(1).max(200).default('spec').describe('The field of the plan that the rule is about.'),
  message: z.string().min(1).max(500),
  messageExpression: expression.optional().describe('CEL that yields a string and replaces the message.'),
  remedy: z.string().min(1).max(500),
});

export { name as policyNameSchema };

/** One version of a policy: expressions and verdicts. Where and how it applies is said by bindings. */
export const policyDocumentSchema = z
  .object({
    name,
    description: z.string().max(1000).default(''),
    parameters: z.record(identifier, parameter).default({}),
    variables: z
      .array(z.object({ name: identifier, expression }))
      .max(20)
      .default([])
      .describe('Computed when first read, once per decision; each may use those before it.'),
    rules: z.array(rule).min(1).max(20),
  })
  .superRefine((document, context) => {
    document.rules.forEach(({ verdict, approval }, index) => {
      if ((verdict === 'requireApproval') !== (approval !== undefined))
        context.addIssue({
          code: 'custom',
          path: ['rules', index, 'approval'],
          message: 'approval is set exactly when the verdict is requireApproval',
        });
    });
    for (const [key, { type, default: value }] of Object.entries(document.parameters))
      if (!isOfType(value, type))
        context.addIssue({ code: 'custom', path: ['parameters', key, 'default'], message: `is no ${type}` });
  });

/** Where a policy applies and what its verdicts do there. */
export const policyBindingSchema = z.object({
  name,
  policy: name,
  version: z.int().min(1),
  action: z
    .enum(['enforce', 'warn', 'audit'])
    .describe('enforce: verdicts decide. warn: they become warnings. audit: they are only recorded.'),
  parameters: z.record(identifier, parameterValue).default({}),
  namespaces: z
    .array(
      z
        .string()
        .min(1)
        .max(63)
        .regex(/^[-a-z0-9*]+$/),
    )
    .min(1)
    .max(50)
    .default(['*'])
    .describe('Patterns of namespaces; * stands for any number of characters.'),
  kinds: z
    .array(z.enum(['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob']))
    .max(4)
    .default([])
    .describe('Empty: all.'),
});

export type PolicyDocument = z.infer<typeof policyDocumentSchema>;
export type PolicyRule = PolicyDocument['rules'][number];
export type PolicyBinding = z.infer<typeof policyBindingSchema>;

export function isOfType(value: ParameterValue, type: z.infer<typeof parameter>['type']): boolean {
  switch (type) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'number' && Number.isSafeInteger(value);
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'strings':
      return Array.isArray(value);
  }
}

/** Whether a pattern, in which `*` stands for any characters, matches a whole name. Linear: no backtracking. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return text === head;
  if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail)) return false;
  let at = head.length;
  const end = text.length - tail.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
