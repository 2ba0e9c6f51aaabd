import { readFile } from 'node:fs/promises';
import { messageOf } from '@scc/runtime';
import type { Anchor, HeldReceipt } from '@scc/audit';
import { PLAN_TYPE, planStatusSchema } from '@scc/plan';
import type { KubeClient } from '@scc/kube';
import { z } from 'zod';
import { CliError } from '../exit.js';

/** The evidence that people kept outside the database, in files and in the cluster. */

const anchorSchema = z.object({ source: z.string(), note: z.string() });
const receiptSchema = z.object({
  entryId: z.string(),
  leafHash: z.string().regex(/^[0-9a-f]{64}$/),
  index: z.int().nullable().default(null),
  checkpoint: z.string().nullable().default(null),
});

async function read(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(`${option}: ${messageOf(error)}`);
  }
}

const parseJson = (content: string): unknown => {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
};

/** A checkpoint as it was printed, or JSON `[{source, note}]`. */
export async function anchorsOf(option: string, file: string): Promise<Anchor[]> {
  const content = await read(option, file);
  const json = parseJson(content);
  if (json === undefined) return [{ source: file, note: content }];
  const parsed = z.array(anchorSchema).safeParse(json);
  if (parsed.success) return parsed.data;
  throw new CliError(
    `${option}: ${file}: ${z.prettifyError(parsed.error)}`,
    'The file holds a checkpoint, or JSON: [{"source": "where it was kept", "note": "the checkpoint"}].',
  );
}

/** JSON `[{entryId, leafHash, index, checkpoint}]`, or one receipt a line. */
export async function receiptsOf(option: string, file: string): Promise<HeldReceipt[]> {
  const content = await read(option, file);
  const json = parseJson(content) ?? content.trim().split('\n').map(parseJson);
  const parsed = z.array(receiptSchema).safeParse(Array.isArray(json) ? json : [json]);
  if (parsed.success) return parsed.data;
  throw new CliError(
    `${option}: ${file}: ${z.prettifyError(parsed.error)}`,
    'The file holds receipts as governance answers them, as a JSON list or one a line.',
  );
}

/** A public key in its text form, or the file that holds it. */
export async function publicKeyOf(value: string): Promise<string> {
  if (/^[^\s+]+\+[0-9a-f]{8}\+/.test(value)) return value;
  return (await read('--key', value)).trim();
}

const CONFIGMAP = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'scc-system',
  name: 'scc-audit-checkpoint',
} as const;
const configMapSchema = z.object({ data: z.object({ checkpoint: z.string() }) });
const planSchema = z.object({ status: planStatusSchema.pick({ auditCheckpoint: true }).partial().optional() });

/** The checkpoints in the ConfigMap and in the status of every plan. */
export async function clusterAnchors(kube: KubeClient): Promise<Anchor[]> {
  const map = configMapSchema.safeParse(await kube.get(CONFIGMAP));
  const plans = await kube.list(PLAN_TYPE);
  const { namespace, name } = CONFIGMAP;
  return [
    ...(map.success ? [{ source: `ConfigMap ${namespace}/${name}`, note: map.data.data.checkpoint }] : []),
    ...plans.items.flatMap((plan) => {
      const note = planSchema.safeParse(plan).data?.status?.auditCheckpoint;
      const source = `status of plan ${plan.metadata.namespace ?? ''}/${plan.metadata.name ?? ''}`;
      return note === undefined ? [] : [{ source, note }];
    }),
  ];
}
