import { type Anchor, NoteError, parseCheckpoint } from '@scc/audit';
import type { Client } from '@temporalio/client';

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

/**
 * The checkpoints that answers of governance left in the histories of the newest migrations. What an activity returned
 * is in the history for good: neither governance nor its database can change it.
 */
export async function temporalAnchors(client: Client): Promise<Anchor[]> {
  const anchors = new Map<string, Anchor>();
  let left = MAX_WORKFLOWS;
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowType = 'migrationWorkflow'` })) {
    if (left === 0) break;
    left -= 1;
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const results = (events ?? []).flatMap(
      (event) => event.activityTaskCompletedEventAttributes?.result?.payloads ?? [],
    );
    for (const note of results.flatMap(({ data }) => [...stringsOf(parsed(data))]).filter(isCheckpoint))
      anchors.set(note, { source: `history of ${workflowId}`, note });
  }
  return [...anchors.values()];
}
