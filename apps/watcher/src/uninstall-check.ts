import { connectKube } from '@scc/kube';
import { FINALIZER, PLAN_GROUP, PLAN_KIND, PLAN_VERSION } from '@scc/plan';
import { refusal } from './running-plans.js';

/** Refuses an uninstallation while migrations run: a hook of the chart, as its last line says. */
const client = await connectKube({ userAgent: 'scc-uninstall-check' });
const { items } = await client.list({ apiVersion: `${PLAN_GROUP}/${PLAN_VERSION}`, kind: PLAN_KIND });
client.close();
const reason = refusal(items, FINALIZER);
if (reason !== null) {
  console.error(reason);
  process.exitCode = 1;
} else console.log('no migration runs');
