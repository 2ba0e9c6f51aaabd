import { type Anchor, type HeldReceipt, NoteError, parseCheckpoint } from '@scc/audit';
import type { Client } from '@temporalio/client';
import { z } from 'zod';

const MAX_WORKFLOWS = 200;

/** The strings of a JSON value, however deep. */
function* stringsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value) as unknown[]) yield* stringsOf(member);
}

const isCheckpoint = (text: string): boolean => {
  if (!text.includes('\n\n\u2014 ')) return false;
  try {
    parseCheckpoint(text);
    return true;
  } catch (error) {
    if (error instanceof NoteError) return false;
    throw error;
  }
};

function parsed(data: Uint8Array | null | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(data ?? []).toString('utf8'));
  } catch {
    return null;
  }
}

const receiptSchema = z.object({ entryId: z.string(), leafHash: z.string(), index: z.int().nullable() });

/** The receipts in a JSON value, however deep. */
function* receiptsIn(value: unknown): Generator<z.infer<typeof receiptSchema>> {
  if (typeof value !== 'object' || value === null) return;
  const receipt = receiptSchema.safeParse(value);
  if (receipt.success) yield receipt.data;
  else for (const member of Object.values(value) as unknown[]) yield* receiptsIn(member);
}

/**
 * The receipts of governance in the histories of the newest migrations. The result of an activity is in the history
 * for good: neither governance nor its database can change it.
 */
export async function temporalWitnesses(client: Client): Promise<{ anchors: Anchor[]; receipts: HeldReceipt[] }> {
  const anchors = new Map<string, Anchor>();
  const receipts = new Map<string, HeldReceipt>();
  let left = MAX_WORKFLOWS;
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowType = 'migrationWorkflow'` })) {
    if (left === 0) break;
    left -= 1;
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const results = (events ?? [])
      .flatMap((event) => event.activityTaskCompletedEventAttributes?.result?.payloads ?? [])
      .map(({ data }) => parsed(data));
    for (const note of results.flatMap((result) => [...stringsOf(result)]).filter(isCheckpoint))
      anchors.set(note, { source: `history of ${workflowId}`, note });
    for (const receipt of results.flatMap((result) => [...receiptsIn(result)]))
      receipts.set(receipt.leafHash, { ...receipt, checkpoint: null });
  }
  return { anchors: [...anchors.values()], receipts: [...receipts.values()] };
}
