/**
 * Conformance runner: decides admission cases, one JSON object a line on standard input, one result a line on
 * standard output. Diagnostics go to standard error; a line that cannot be decided ends the run with code 1.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import {
  type AdmissionRequest,
  type CompiledSCCs,
  compileSCCs,
  decide,
  defaultSCCs,
  podSchema,
  sccSchema,
  type SecurityContextConstraints,
  serviceAccountSubject,
  type Subject,
  validatePass,
} from '@scc/scc';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const strings = z.record(z.string(), z.string()).nullish();
const caseSchema = z.object({
  id: z.string(),
  namespace: z.object({ metadata: z.object({ name: z.string(), labels: strings, annotations: strings }) }),
  sccs: z.array(sccSchema).nullish(),
  pod: podSchema,
  oldPod: podSchema.nullish(),
  operation: z.enum(['CREATE', 'UPDATE']),
  subresource: z.string().nullish(),
  requester: z.object({ name: z.string(), groups: z.array(z.string()).nullish() }),
  use: z.array(z.object({ subject: z.string(), scc: z.string() })).nullish(),
});
type Case = z.infer<typeof caseSchema>;

/** Documents of a reference table that are marked as not part of every cluster are left out. */
async function readSCCs(file: string | undefined): Promise<SecurityContextConstraints[]> {
  if (file === undefined) return defaultSCCs();
  const documents = parseAllDocuments(await readFile(file, 'utf8'));
  if (!Array.isArray(documents)) return [];
  return documents
    .filter((document) => document.contents !== null)
    .map((document) => sccSchema.parse(document.toJS()))
    .filter(({ metadata }) => (metadata.annotations?.['scc-table/origin'] ?? 'core') === 'core');
}

function requestOf({ namespace, pod, oldPod, operation, subresource, requester, use }: Case): AdmissionRequest {
  const { name, labels, annotations } = namespace.metadata;
  const account = pod.spec.serviceAccountName;
  const subjects = {
    serviceAccount: account ? serviceAccountSubject(name, account) : undefined,
    requester: { name: requester.name, groups: requester.groups ?? [] },
  };
  const isOf = (subject: Subject | undefined, grantee: string): boolean =>
    subject !== undefined && (subject.name === grantee || subject.groups.includes(grantee));
  return {
    operation,
    subresource: subresource ?? '',
    pod,
    oldPod: oldPod ?? undefined,
    namespace: { name, labels, annotations },
    subjects,
    mayUse: (type, scc) =>
      use?.some(
        (grant) =>
          (grant.scc === '*' || grant.scc === scc) &&
          isOf(type === 'user' ? subjects.requester : subjects.serviceAccount, grant.subject),
      ) ?? false,
  };
}

function result(request: AdmissionRequest, compiled: CompiledSCCs): object {
  const decision = decide(request, compiled);
  switch (decision.decision) {
    case 'ignored':
      return { decision: 'ignored' };
    case 'rejected':
      return { decision: 'rejected', reason: decision.reason };
    case 'admitted': {
      const { scc, subjectType, annotations, pod } = decision;
      const validation = validatePass({ ...request, pod }, compiled);
      const revalidates = validation.decision !== 'rejected';
      return { decision: 'admitted', scc, subjectType, annotations, spec: pod.spec, revalidates };
    }
  }
}

const { values } = parseArgs({ options: { sccs: { type: 'string' } } });
const cluster = await readSCCs(values.sccs);
const withoutCustom = compileSCCs(cluster);
let lineNumber = 0;
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  lineNumber += 1;
  if (line.trim() === '') continue;
  try {
    const parsed = caseSchema.parse(JSON.parse(line));
    const compiled = parsed.sccs?.length ? compileSCCs([...cluster, ...parsed.sccs]) : withoutCustom;
    const text = JSON.stringify({ id: parsed.id, ...result(requestOf(parsed), compiled) });
    if (!process.stdout.write(`${text}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  } catch (cause) {
    process.stderr.write(`line ${lineNumber}: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    process.exitCode = 1;
    break;
  }
}
