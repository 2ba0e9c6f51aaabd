import { readFile, stat } from 'node:fs/promises';
import { messageOf } from '@scc/runtime';
import {
  compilePolicy,
  type CompiledPolicy,
  POLICY_INPUTS,
  policyBindingSchema,
  policyDocumentSchema,
  type PolicyTest,
  policyTestSchema,
} from '@scc/policy';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { CliError, EXIT } from '../exit.js';
import { filesBelow } from '../files.js';

/** Something that is wrong with a document, where it stands. */
export interface FileFault {
  source: string;
  message: string;
}

/** Without a version, a binding is to the version that stands in the files, or else to the newest one. */
const boundSchema = policyBindingSchema.extend({ version: policyBindingSchema.shape.version.optional() });
export type FileBinding = z.infer<typeof boundSchema>;

export interface PolicyFiles {
  policies: { source: string; policy: CompiledPolicy }[];
  bindings: { source: string; binding: FileBinding }[];
  tests: { source: string; test: PolicyTest }[];
  faults: FileFault[];
}

const KINDS = ['Policy', 'PolicyBinding', 'PolicyTest'] as const;
const kindSchema = z.looseObject({ kind: z.enum(KINDS) });

/**
 * The policies, bindings and tests of files and folders. What is wrong with a document is told among `faults`.
 * @throws CliError when a path cannot be read, or nothing stands there
 */
export async function readPolicyFiles(paths: readonly string[]): Promise<PolicyFiles> {
  const read: PolicyFiles = { policies: [], bindings: [], tests: [], faults: [] };
  for (const path of paths) for (const file of await filesOf(path)) take(await contentOf(file), file, read);
  addDuplicates(read);
  if (read.policies.length + read.bindings.length + read.tests.length + read.faults.length === 0)
    throw new CliError(
      `--filename: there is no policy in ${paths.join(', ')}`,
      `Give each document a kind: ${KINDS.join(', ')}.`,
    );
  return read;
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw new CliError(`--filename: ${messageOf(error)}`);
  });
  if (!found.isDirectory()) return [path];
  const files: string[] = [];
  for await (const one of filesBelow(path)) {
    if (!('file' in one)) throw new CliError(`--filename: ${one.source}: ${one.reason}`);
    files.push(one.file);
  }
  return files;
}

const contentOf = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(`--filename: ${messageOf(error)}`);
  });

function take(content: string, file: string, read: PolicyFiles): void {
  const documents = parseAllDocuments(content);
  if (!Array.isArray(documents)) return;
  for (const [at, document] of documents.entries()) {
    const source = documents.length > 1 ? `${file}, document ${at + 1}` : file;
    const [error] = document.errors;
    if (error) read.faults.push({ source, message: error.message.split('\n')[0] ?? '' });
    else takeDocument(document.toJS({ maxAliasCount: 100 }), source, read);
  }
}

function takeDocument(value: unknown, source: string, read: PolicyFiles): void {
  if (value === null || value === undefined) return;
  const parsed = kindSchema.safeParse(value);
  if (!parsed.success) {
    read.faults.push({ source, message: `kind: one of ${KINDS.join(', ')}` });
    return;
  }
  const { kind, ...content } = parsed.data;
  if (kind === 'Policy') takePolicy(content, source, read);
  else if (kind === 'PolicyBinding')
    read.bindings.push(
      ...parsedAs(boundSchema.strict(), content, source, read).map((binding) => ({ source, binding })),
    );
  else read.tests.push(...parsedAs(policyTestSchema, content, source, read).map((test) => ({ source, test })));
}

function takePolicy(content: unknown, source: string, read: PolicyFiles): void {
  for (const document of parsedAs(policyDocumentSchema, content, source, read)) {
    const compilation = compilePolicy(document, POLICY_INPUTS);
    if (compilation.ok) read.policies.push({ source, policy: compilation.policy });
    else
      read.faults.push(...compilation.issues.map(({ field, message }) => ({ source, message: `${field} ${message}` })));
  }
}

/** The document as the schema reads it, or nothing when it has faults. */
function parsedAs<Schema extends z.ZodType>(
  schema: Schema,
  content: unknown,
  source: string,
  { faults }: PolicyFiles,
): z.output<Schema>[] {
  const parsed = schema.safeParse(content);
  if (parsed.success) return [parsed.data];
  const where = (path: readonly PropertyKey[]): string => path.map(String).join('.') || 'document';
  faults.push(...parsed.error.issues.map(({ path, message }) => ({ source, message: `${where(path)}: ${message}` })));
  return [];
}

/** Which of two documents of one name were to apply, nobody could tell. */
function addDuplicates({ policies, bindings, faults }: PolicyFiles): void {
  const seen = new Map<string, string>();
  const named = [
    ...policies.map(({ source, policy }) => ({ source, what: `policy ${policy.document.name}` })),
    ...bindings.map(({ source, binding }) => ({ source, what: `binding ${binding.name}` })),
  ];
  for (const { source, what } of named) {
    const first = seen.get(what);
    if (first !== undefined) faults.push({ source, message: `the ${what} stands in ${first} too` });
    else seen.set(what, source);
  }
}

/** @throws CliError with every fault */
export function requireSound(faults: readonly FileFault[]): void {
  if (faults.length === 0) return;
  const text = faults.map(({ source, message }) => `${source}: ${message}`).join('\n');
  throw new CliError(text, 'Correct the files; nothing was stored.', EXIT.invalid);
}
