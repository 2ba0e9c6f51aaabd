import { durationMs, type GateSample, isDivided } from '@scc/plan';
import type { KubeClient } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { messageOf } from '@scc/runtime';
import type { CallWebhook } from '../outside/webhooks.js';
import { gatesFailed } from '../failures.js';
import { runCensus } from './census.js';
import { lookAtOwners } from './owners.js';
import { runJobGates } from './job-gates.js';
import type { TargetActivities } from './target.js';

/**
 * Calls the webhook gates of one moment, then runs its Jobs, and before a pod under the target uses it the census of data. A webhook
 * passes when it is answered with a 2xx status, a Job when it completes.
 */
export const callWebhooksWith =
  (call: CallWebhook, kube: KubeClient): TargetActivities['callWebhooks'] =>
  async (target, { at, gates, weight }) => {
    const { namespace, name: plan } = target.ref;
    const body = JSON.stringify({
      namespace,
      plan,
      workload: target.workload,
      targetSCC: target.targetSCC,
      at,
      weight,
    });
    const samples = await Promise.all(
      gates.webhooks
        .filter((gate) => gate.at === at)
        .map(async ({ name, url, timeout }): Promise<GateSample> => {
          const base = { gate: name, value: null, at: new Date().toISOString() };
          try {
            const status = await call(url, body, durationMs(timeout));
            return { ...base, ...verdictOf(status) };
          } catch (error) {
            return { ...base, verdict: 'fail', detail: messageOf(error) };
          }
        }),
    );
    const called = samples.filter(({ verdict }) => verdict !== 'pass');
    if (called.length) throw gatesFailed(called, samples);
    const jobs = await runJobGates(kube, target, at);
    const isGood = jobs.every(({ verdict }) => verdict === 'pass');
    const ran = [...jobs, ...(isGood && at === momentOf(target) ? await lookAtData(kube, target) : [])];
    const all = [...samples, ...ran];
    const failed = ran.filter(({ verdict }) => verdict !== 'pass');
    if (failed.length) throw gatesFailed(failed, all);
    return all;
  };

/** When data is looked at: before a pod under the target uses it. */
const momentOf = ({ strategy }: MigrationTarget) => (isDivided(strategy) ? 'BeforeCanary' : 'BeforeMigrate');

const lookAtData: typeof runCensus = (kube, target) =>
  target.owners ? lookAtOwners(kube, target) : runCensus(kube, target);

/** Only the status: what a foreign server writes does not belong into the status of a plan. */
function verdictOf(status: number): Pick<GateSample, 'verdict' | 'detail'> {
  if (status >= 200 && status < 300) return { verdict: 'pass', detail: `its webhook answered ${status}` };
  const isRedirect = status >= 300 && status < 400;
  return {
    verdict: 'fail',
    detail: `its webhook answered ${status}${isRedirect ? ', and redirects are not followed' : ''}`,
  };
}
