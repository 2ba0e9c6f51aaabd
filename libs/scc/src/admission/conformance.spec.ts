import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { extraCases } from '@scc/testing/scale';
import { compileSCCs } from '../model/compile.js';
import { conformanceCaseSchema, requestOfCase, resultOfCase } from './conformance.js';
import { decide } from './decide.js';
import { defaultSCCs } from '../cluster/default-sccs.js';

/** Absent, null, [] and {} are the same thing in a recorded result. */
function normalised(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(normalised);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const entries = Object.entries(value)
    .map(([key, item]) => [key, normalised(item)] as const)
    .filter(([, item]) => item !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

const linesOf = (file: string): string[] => {
  const bytes = readFileSync(file);
  const text = file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return text.toString().trim().split('\n');
};
const FIXTURES = ['cases.jsonl', 'generated-cases.jsonl'].map((name) =>
  fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url)),
);
const recorded = [...FIXTURES, ...(extraCases === undefined ? [] : [extraCases])]
  .flatMap(linesOf)
  .map((line) => JSON.parse(line) as { id: string; expect: { message?: string } });

describe('decisions recorded from OpenShift', () => {
  const cluster = defaultSCCs();

  it.each(recorded.map((row) => [row.id, row] as const))('case %s', (_id, row) => {
    const parsed = conformanceCaseSchema.parse(row);
    const { id, ...result } = resultOfCase(parsed, compileSCCs([...cluster, ...(parsed.sccs ?? [])]));
    expect(id).toBe(row.id);
    expect(normalised(result)).toEqual(normalised({ ...row.expect, message: undefined }));
  });

  const refused = recorded.flatMap(({ id, expect: { message }, ...row }) =>
    message === undefined ? [] : [[id, message, { id, ...row }] as const],
  );
  it.each(refused)('case %s is refused in the same words', (_id, message, row) => {
    const parsed = conformanceCaseSchema.parse(row);
    const decision = decide(requestOfCase(parsed), compileSCCs([...cluster, ...(parsed.sccs ?? [])]));
    expect(decision).toMatchObject({ decision: 'rejected', message });
  });
});
