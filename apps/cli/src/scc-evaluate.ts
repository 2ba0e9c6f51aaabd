/**
 * Conformance runner: decides admission cases, one JSON object a line on standard input, one result a line on
 * standard output, in the order of the cases. Diagnostics go to standard error; a line that cannot be decided is
 * skipped and makes the exit code 1.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { messageOf } from '@scc/runtime';
import {
  compileSCCs,
  conformanceCaseSchema,
  defaultSCCs,
  resultOfCase,
  sccSchema,
  type SecurityContextConstraints,
} from '@scc/scc';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const explain = (cause: unknown): string => {
  if (cause instanceof z.ZodError)
    return cause.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  // Of YAML, what follows is a drawing of the place.
  return messageOf(cause).split(':\n', 1)[0] ?? '';
};

/** Ends before any case is decided: none would mean anything. */
function refuse(file: string, cause: unknown): never {
  process.stderr.write(`--sccs ${file}: ${explain(cause)}. Give a YAML file of SecurityContextConstraints.\n`);
  process.exit(2);
}

/** Documents of a reference table that are marked as not part of every cluster are left out. */
async function readSCCs(file: string | undefined): Promise<SecurityContextConstraints[]> {
  if (file === undefined) return defaultSCCs();
  const text = await readFile(file, 'utf8').catch((cause: unknown) => refuse(file, cause));
  const documents = [...parseAllDocuments(text)];
  return documents.flatMap((document, at) => {
    const [problem] = document.errors;
    if (problem) refuse(file, problem);
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    const parsed = sccSchema.safeParse(value);
    if (!parsed.success) refuse(file, `document ${at + 1}: ${explain(parsed.error)}`);
    const { annotations } = parsed.data.metadata;
    return (annotations?.['scc-table/origin'] ?? 'core') === 'core' ? [parsed.data] : [];
  });
}

/** The cluster's SCCs with those of a case, which take the place of others of their name. */
const replaced = (
  all: readonly SecurityContextConstraints[],
  own: readonly SecurityContextConstraints[],
): SecurityContextConstraints[] => [...new Map([...all, ...own].map((scc) => [scc.metadata.name, scc])).values()];

const { values } = parseArgs({ options: { sccs: { type: 'string' } } });
const cluster = await readSCCs(values.sccs);
const withoutOwn = compileSCCs(cluster);
let lineNumber = 0;
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  lineNumber += 1;
  if (line.trim() === '') continue;
  try {
    const recorded = conformanceCaseSchema.parse(JSON.parse(line));
    const compiled = recorded.sccs?.length ? compileSCCs(replaced(cluster, recorded.sccs)) : withoutOwn;
    if (!process.stdout.write(`${JSON.stringify(resultOfCase(recorded, compiled))}\n`))
      await once(process.stdout, 'drain');
  } catch (cause) {
    process.stderr.write(`line ${lineNumber}: ${explain(cause)}\n`);
    process.exitCode = 1;
  }
}
