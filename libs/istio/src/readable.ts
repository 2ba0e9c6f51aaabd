import type { KubeObject } from '@scc/kube';
import type { Violation } from '@scc/plan';
import type { z } from 'zod';
import type { Named } from './survey.js';

interface Reading {
  kind: 'VirtualService' | 'DestinationRule';
  /** Of the plan. */
  namespace: string;
  /** Names of the Services that are divided. */
  services: readonly string[];
}

interface Readable<Spec> {
  read: Named<Spec>[];
  violations: Violation[];
  warnings: string[];
}

/** Whether a text has a name as a word of its own: `web` is not in `web-2`. */
const hasWord = (text: string, name: string): boolean => new RegExp(`(?<![-a-z0-9])${name}(?![-a-z0-9])`).test(text);

/**
 * Reads the objects of a kind. One that cannot be read keeps a plan from running when it stands in the plan's namespace
 * or names one of the Services; anywhere else it is said, so that no tenant stops the plans of others by it.
 */
export function readAll<Spec>(
  objects: readonly KubeObject[],
  schema: z.ZodType<Spec>,
  { kind, namespace, services }: Reading,
): Readable<Spec> {
  const all: Readable<Spec> = { read: [], violations: [], warnings: [] };
  for (const { metadata, ...object } of objects) {
    const [at, name] = [metadata.namespace ?? '', metadata.name ?? ''];
    const parsed = schema.safeParse(object['spec']);
    if (parsed.success) {
      all.read.push({ namespace: at, name, spec: parsed.data });
      continue;
    }
    const where = parsed.error.issues[0]?.path.join('.') ?? '';
    const message = `${kind} ${name} in the namespace ${at} cannot be read at ${where === '' ? 'spec' : `spec.${where}`}`;
    const text = JSON.stringify(object['spec'] ?? null);
    if (at === namespace || services.some((service) => hasWord(text, service)))
      all.violations.push({
        code: 'RouteUnreadable',
        field: 'spec.workloadRef',
        message: `${message}, so that it is not known which requests it routes`,
        remedy: `Ask the owner of the namespace ${at} to repair it or to delete it, then apply the plan again.`,
      });
    else all.warnings.push(`${message}; it names no Service of the workload, and is left out`);
  }
  return all;
}
