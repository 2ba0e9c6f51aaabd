import { Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { startTemporal, type TemporalServer } from './temporal.js';
import { bundleOfSources } from './workflow-bundle.js';

/** A Temporal server and bundled workflows, for workers of a suite. */
export interface WorkflowServer {
  temporal: TemporalServer;
  native: NativeConnection;
  connection: Connection;
  workflowBundle: { code: string };
  stop: () => Promise<void>;
}

/**
 * @param workflowsPath the file that exports the workflows
 * @param suggestContinueAsNewAt events after which the server suggests another run
 */
export async function startWorkflowServer(
  workflowsPath: string,
  suggestContinueAsNewAt: number,
): Promise<WorkflowServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await startTemporal({ suggestContinueAsNewAt });
  const [native, connection, workflowBundle] = await Promise.all([
    NativeConnection.connect({ address: temporal.address }),
    Connection.connect({ address: temporal.address }),
    bundleOfSources(workflowsPath),
  ]);
  const stop = async (): Promise<void> => {
    await connection.close();
    await native.close();
    await temporal.stop();
  };
  return { temporal, native, connection, workflowBundle, stop };
}
