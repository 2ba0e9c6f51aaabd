import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf } from '@scc/runtime';
import { type WorkloadKind, podTemplateSchema, type PodTemplate } from '@scc/scc';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { CliError, EXIT } from './exit.js';

const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Something that stands in a file, and where. */
interface FileObject {
  value: unknown;
  source: string;
}

/** What stands in a YAML or JSON file, `-` for standard input. @throws CliError that names the document. */
export async function readDocuments(file: string): Promise<FileObject[]> {
  const content = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch((error: unknown) => {
    throw new CliError(messageOf(error));
  });
  const documents = parseAllDocuments(content);
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document, at) => {
    const [error] = document.errors;
    if (error) throw new CliError(`${file}: ${error.message}`, 'Correct the YAML.', EXIT.invalid);
    return itemsOf(document.toJS() as unknown).map((value) => ({ value, source: `${file}: document ${at + 1}` }));
  });
}

/** The Kubernetes objects of a file, as `readDocuments` reads it. @throws CliError that names the document. */
export async function readManifests(file: string): Promise<Manifest[]> {
  return (await readDocuments(file)).map(({ value, source }) => {
    const parsed = manifestSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    const message = `${source} is not a Kubernetes object: ${z.prettifyError(parsed.error)}`;
    throw new CliError(message, 'Each object needs apiVersion, kind and metadata.name.', EXIT.invalid);
  });
}

/** `kubectl get -o yaml` prints one List of several objects. */
const listSchema = z.object({ apiVersion: z.literal('v1'), kind: z.literal('List'), items: z.array(z.unknown()) });

function itemsOf(value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  return listSchema.safeParse(value).data?.items ?? [value];
}

/** What SCC decisions need to know of a workload. */
export interface WorkloadManifest {
  kind: WorkloadKind;
  name: string;
  namespace: string;
  template: PodTemplate;
  volumeClaimTemplates: string[];
}

const templated = z.looseObject({ spec: z.looseObject({ template: podTemplateSchema }) });
const cronJob = z.looseObject({ spec: z.looseObject({ jobTemplate: templated }) });
const claims = z.looseObject({
  spec: z.looseObject({
    volumeClaimTemplates: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })).default([]),
  }),
});

const WORKLOAD_KINDS: Record<string, WorkloadKind> = {
  Deployment: 'Deployment',
  ReplicaSet: 'ReplicaSet',
  StatefulSet: 'StatefulSet',
  DaemonSet: 'DaemonSet',
  Job: 'Job',
  CronJob: 'CronJob',
  ReplicationController: 'ReplicationController',
  DeploymentConfig: 'DeploymentConfig',
  Pod: 'Pod',
};

/**
 * The workload that an object is, or null for any other object.
 * @throws CliError when the object is a workload whose template cannot be read.
 */
export function workloadOf(manifest: Manifest, namespace: string): WorkloadManifest | null {
  const kind = WORKLOAD_KINDS[manifest.kind];
  if (kind === undefined) return null;
  const { name } = manifest.metadata;
  const template = templateOf(kind, manifest);
  if (!template.success)
    throw new CliError(
      `${manifest.kind} ${name}: ${z.prettifyError(template.error)}`,
      'Correct the pod template; `kubectl apply --dry-run=server` shows what the API server says.',
      EXIT.invalid,
    );
  const found = claims.safeParse(manifest).data?.spec.volumeClaimTemplates ?? [];
  return {
    kind,
    name,
    namespace: manifest.metadata.namespace ?? namespace,
    template: template.data,
    volumeClaimTemplates: kind === 'StatefulSet' ? found.map(({ metadata }) => metadata.name) : [],
  };
}

function templateOf(kind: WorkloadKind, manifest: Manifest): z.ZodSafeParseResult<PodTemplate> {
  if (kind === 'Pod') return podTemplateSchema.safeParse(manifest);
  if (kind === 'CronJob') return cronJob.transform(({ spec }) => spec.jobTemplate.spec.template).safeParse(manifest);
  return templated.transform(({ spec }) => spec.template).safeParse(manifest);
}
