import type { KubeClient, KubeObject } from '@scc/kube';
import { gateJobName, type GateSample, type JobGate } from '@scc/plan';
import type { MigrationTarget, WebhookRequest } from '@scc/migration/contract';
import { endOfGateJob, gateJobOf, gatePodLabels, servicesPicking, sourceIdOf } from '../cluster/gate-jobs.js';
import { type NoEnd, PlanJob } from './plan-job.js';

type Judged = Pick<GateSample, 'verdict' | 'detail'>;

/**
 * Runs the Jobs of one moment and judges them by how they end. Each is taken away when it was judged; one that a worker
 * which died has begun is gone on with.
 */
export async function runJobGates(
  kube: KubeClient,
  target: MigrationTarget,
  at: WebhookRequest['at'],
): Promise<GateSample[]> {
  const gates = (target.jobs ?? []).filter((gate) => gate.at === at);
  const ended = await Promise.allSettled(gates.map((gate) => run(kube, target, gate)));
  // Not one is left running behind the failure of another.
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

async function run(kube: KubeClient, { ref }: MigrationTarget, gate: JobGate): Promise<GateSample> {
  const name = gateJobName(ref.name, gate.name, gate.at);
  const judged = await new PlanJob(kube, ref, name).run<Judged>({
    timeout: gate.timeout,
    make: () => jobFor(kube, ref, gate),
    ended: (job, pods) => Promise.resolve(endOfGateJob(job, pods) ?? fails(`Job ${name} has not ended`)),
  });
  const end = 'noEnd' in judged ? fails(judged.noEnd) : judged;
  return { gate: gate.name, at: new Date().toISOString(), value: null, ...end };
}

async function jobFor(kube: KubeClient, ref: MigrationTarget['ref'], gate: JobGate): Promise<KubeObject | NoEnd> {
  const { namespace } = ref;
  const source = await kube.get(sourceIdOf(gate, namespace));
  const { kind, name } = gate.from;
  if (!source) return { noEnd: `${kind} ${name} is not there` };
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Service' }, { namespace });
  const picking = servicesPicking(items, gatePodLabels(source, gate, ref.name));
  if (picking.length > 0) return { noEnd: `Service ${picking.join(', ')} would pick the pods of ${kind} ${name}` };
  return gateJobOf(source, gate, ref);
}

const fails = (detail: string): Judged => ({ verdict: 'fail', detail });
