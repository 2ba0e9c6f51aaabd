import { parentPort, workerData } from 'node:worker_threads';
import { connectKube, createInformer } from '@scc/kube';
import { createLogger } from '@scc/runtime';
import { startTracing } from '@scc/runtime/tracing';
import { Counter, Registry } from 'prom-client';
import { startAdmission } from '../service/admission.js';
import { HintBatches } from './hint-batches.js';
import type { FromThread, ThreadQuestion, ThreadSettings, ToThread } from './protocol.js';
import type { WriteHint } from '../review/pod-hint.js';
import { type SeenPod, seenPod } from './seen-pod.js';

/** The admission webhook in a thread of its own: what thread/host.ts starts. */
const HINTS = 5000;

if (!parentPort) throw new Error('the admission thread is started by the governance process');
const port = parentPort;
const tell = (message: FromThread): void => port.postMessage(message);

const { config, kubeconfig, logLevel, tracing: tracingSettings } = workerData as ThreadSettings;
const logger = createLogger('governance', logLevel);
const tracing = tracingSettings && (await startTracing(tracingSettings, 'scc-webhook', logger));
const client = await connectKube({
  ...(kubeconfig === undefined ? {} : { kubeconfig }),
  userAgent: 'scc-webhook',
});
const registry = new Registry();
const dropped = new Counter({
  name: 'scc_webhook_pod_hints_dropped_total',
  help: 'Pods that tracking was too busy to hear of from admission; it finds them by itself.',
  registers: [registry],
});
const hints = new HintBatches<{ pod: SeenPod } | { write: WriteHint }>({
  capacity: HINTS,
  send: (batch) =>
    tell({
      is: 'hints',
      pods: batch.flatMap((hint) => ('pod' in hint ? [hint.pod] : [])),
      writes: batch.flatMap((hint) => ('write' in hint ? [hint.write] : [])),
    }),
  onDropped: () => dropped.inc(),
});
const admission = await startAdmission({
  config,
  client,
  makeInformer: (kind, onChange) => createInformer({ client, kind, onChange, logger }),
  logger,
  onPod: ({ pod }) => {
    const seen = seenPod(pod);
    if (seen) hints.add({ pod: seen });
  },
  onWrite: (write) => hints.add({ write }),
});

async function stop(): Promise<null> {
  await admission.stop();
  client.close();
  await tracing?.stop();
  return null;
}

const answers: Record<ThreadQuestion, () => Promise<string | null>> = {
  ready: () => Promise.resolve(admission.ready()),
  metrics: async () => (await Promise.all([admission.metrics.metrics(), registry.metrics()])).join('\n'),
  stop,
};

port.on('message', (message: ToThread) => {
  if (message.is === 'hints-taken') {
    hints.taken();
    return;
  }
  const { is, id } = message;
  void answers[is]().then((value) => {
    tell({ is: 'answer', id, value });
    if (is === 'stop') port.close();
  });
});
tell({ is: 'started', port: admission.port });
