import type { Client } from '@temporalio/client';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The payloads of a history as what they say: as base64, no secret in them could be told. */
export function opened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(opened);
  if (!isRecord(value)) return value;
  const { data, metadata } = value;
  if (typeof data === 'string' && isRecord(metadata)) return textOf(data);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, opened(member)]));
}

function textOf(base64: string): unknown {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The events of the newest run of a workflow. @throws Error of Temporal when there is none */
export async function historyOf(client: Client, workflowId: string): Promise<unknown> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const { historyToJSON } = await import('@temporalio/common/lib/proto-utils.js');
  return opened(JSON.parse(historyToJSON(history)));
}
