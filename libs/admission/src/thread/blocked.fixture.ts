import path from 'node:path';
import { admissionConfigOf, admissionSettings } from '../service/settings.js';
import { startAdmissionThread } from './host.js';
import { z } from 'zod';

/** A process whose main thread stands still while its parent asks the admission thread. */
const [tlsDir = '', kubeconfig = path.join(tlsDir, 'kubeconfig')] = process.argv.slice(2);
const settings = z.object(admissionSettings).parse({ WEBHOOK_BUDGET_MS: '50' });
const thread = await startAdmissionThread({
  config: admissionConfigOf({
    ...settings,
    WEBHOOK_HOST: '127.0.0.1',
    WEBHOOK_PORT: 0,
    TLS_DIR: tlsDir,
    SCC_MODE: 'kubernetes',
    DRAIN_MS: 0,
    ENGINE_SERVICE_ACCOUNT: 'system:serviceaccount:scc-system:worker',
  }),
  kubeconfig,
  logLevel: 'silent',
  tracing: null,
  onPods: () => undefined,
  onWrites: () => undefined,
  onEnd: (error) => process.send?.({ ended: error.message }),
}).catch((error: unknown) => {
  process.send?.({ refused: String(error) });
  process.exit(1);
});
const wait = new Int32Array(new SharedArrayBuffer(4));
process.on('message', (message) => {
  if (message === 'block') {
    process.send?.('blocked', () => {
      Atomics.wait(wait, 0, 0, 4000);
      process.send?.('free');
    });
  } else void thread.stop().then(() => process.exit(0));
});
process.send?.({
  port: thread.port,
  ready: await thread.ready(),
  alive: await thread.alive(),
  metrics: await thread.metrics(),
});
