import { gzipSync } from 'node:zlib';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

/** The demo's questions to Temporal. */
export interface Workflows {
  /** Ids of the workflows that still run, seen without delay for those whose id is known. */
  running: (ids: readonly string[]) => Promise<string[]>;
  /** Writes the history of a workflow as a fixture for replay. */
  record: (id: string, file: string) => Promise<void>;
  close: () => Promise<void>;
}

export async function connectWorkflows(address: string, namespace: string): Promise<Workflows> {
  const connection = await Connection.connect({ address });
  const { workflow } = new Client({ connection, namespace });
  return {
    running: async (ids) => {
      const known = await Promise.all(
        ids.map(async (id) => ((await workflow.getHandle(id).describe()).status.name === 'RUNNING' ? [id] : [])),
      );
      const listed: string[] = [];
      for await (const { workflowId } of workflow.list({ query: 'ExecutionStatus = "Running"' }))
        listed.push(workflowId);
      return [...new Set([...known.flat(), ...listed])];
    },
    record: async (id, file) => {
      const history = await workflow.getHandle(id).fetchHistory();
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, gzipSync(JSON.stringify(JSON.parse(historyToJSON(history)))));
    },
    close: () => connection.close(),
  };
}
