import type { KubeClient, KubeObject } from '@scc/kube';
import { gateJobName, type GateSample } from '@scc/plan';
import type { CensusTask, MigrationTarget } from '@scc/migration/contract';
import { podsOfDaemonSet } from '../cluster/daemons.js';
import { CENSUS_LOG, censusJobOf, type CensusVerdict, judgeCensus } from '../cluster/census.js';
import { endOfGateJob } from '../cluster/gate-jobs.js';
import { podTemplateOf } from '../cluster/objects.js';
import { podsOfStatefulSet } from '../cluster/ordinals.js';
import { podsOfRolling } from '../cluster/rolling.js';
import { type NoEnd, PlanJob } from './plan-job.js';
import { readWorkload } from './workload-object.js';

const GATE = 'census';
/** Pods whose volumes are looked at side by side. */
const AT_ONCE = 4;
const NEEDS = 'it needs sh, id, find, stat, sort, uniq, head, chgrp and chmod in the image of the workload';

/** What volumes are mounted by: a pod that runs, or a template that no pod runs from now. */
interface Mounting {
  name: string;
  spec: unknown;
}

/**
 * Looks at the files of the workload's volumes before its pods move, and lets the migrated pods' group use them where
 * the plan wants that and nothing else is needed. Owners stay. A census that another worker began is gone on with.
 */
export async function runCensus(kube: KubeClient, target: MigrationTarget): Promise<GateSample[]> {
  const { census, sourceSCC } = target;
  if (!census) return [];
  const mounting = await mountedBy(kube, target);
  const wanted = hasOwnData(target) ? target.replicas : 1;
  if (sourceSCC === null || mounting.length < wanted)
    return [
      sampleOf(
        target.workload,
        refused(`${mounting.length} of ${wanted} pods mount it now, so that not all of it can be looked at`),
      ),
    ];
  const samples: GateSample[] = [];
  for (let at = 0; at < mounting.length; at += AT_ONCE) {
    const some = mounting.slice(at, at + AT_ONCE);
    const looks = some.map((one, index) => new Look(kube, { target, census, sourceSCC }, [one, at + index]).run());
    const ended = await Promise.allSettled(looks);
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    samples.push(...ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    if (samples.some(({ verdict }) => verdict === 'fail')) break;
  }
  return samples;
}

/** Whether each pod has data of its own: by a claim of its own, or on its node. */
const hasOwnData = ({ kind, census }: MigrationTarget): boolean =>
  kind === 'StatefulSet' || census?.hostPaths !== undefined;

/** The pods of a Deployment and of a DaemonSet mount the same claims, so that one stands for all of them. */
async function mountedBy(kube: KubeClient, target: MigrationTarget): Promise<Mounting[]> {
  const { kind, workload, ref } = target;
  const object = await readWorkload(kube, target);
  if (kind === 'CronJob') return [{ name: workload, spec: podTemplateOf(object)['spec'] }];
  const all = await PODS_OF[kind](kube, object);
  const pods = kind === 'StatefulSet' ? all : all.filter(({ ready, leaving }) => ready && !leaving);
  const asked = hasOwnData(target) ? pods : pods.slice(0, 1);
  const read = await Promise.all(
    asked.map(({ name }) => kube.get({ apiVersion: 'v1', kind: 'Pod', namespace: ref.namespace, name })),
  );
  return read.flatMap((pod) => (pod ? [{ name: pod.metadata.name ?? '', spec: pod['spec'] }] : []));
}

const PODS_OF = {
  StatefulSet: podsOfStatefulSet,
  DaemonSet: podsOfDaemonSet,
  Deployment: async (kube: KubeClient, object: KubeObject) => (await podsOfRolling(kube, object)).pods,
};

interface Task {
  target: MigrationTarget;
  census: CensusTask;
  sourceSCC: string;
}

/** The volumes of one pod. */
class Look {
  constructor(
    private readonly kube: KubeClient,
    private readonly task: Task,
    private readonly of: [mounting: Mounting, index: number],
  ) {}

  async run(): Promise<GateSample> {
    const seen = await this.#verdict(false);
    const [{ name }] = this.of;
    if (seen.do !== 'Group') return sampleOf(name, seen);
    const { group } = this.task.census;
    const after = await this.#verdict(true);
    if (after.do !== 'Nothing')
      return sampleOf(name, refused(`${after.reason}, after group ${group} was let use them`));
    return sampleOf(name, {
      do: 'Nothing',
      reason: `group ${group} was let use them: ${seen.reason}; now ${after.reason}`,
    });
  }

  async #verdict(gives: boolean): Promise<CensusVerdict> {
    const [{ name: pod, spec }, index] = this.of;
    const { target, census, sourceSCC } = this.task;
    const { ref } = target;
    // Pods of a DaemonSet come and go with their nodes: a place among them names none.
    const which = target.kind === 'DaemonSet' ? pod : String(index);
    const name = gateJobName(ref.name, `${GATE}-${which}`, gives ? 'give' : 'look');
    const ended = await new PlanJob(this.kube, ref, name).run<CensusVerdict>({
      timeout: CENSUS_LOG.timeout,
      make: () =>
        Promise.resolve<KubeObject | NoEnd>(
          censusJobOf(spec, { ref, name, task: census, sourceSCC, gives }) ?? {
            noEnd: 'it mounts none of the volumes',
          },
        ),
      ended: (job, pods) => this.#read(job, pods),
    });
    return 'noEnd' in ended ? refused(ended.noEnd) : ended;
  }

  async #read(job: KubeObject, pods: KubeObject[]): Promise<CensusVerdict> {
    const end = endOfGateJob(job, pods);
    if (end?.verdict !== 'pass') return refused(`${end?.detail ?? 'no end'} (${NEEDS})`);
    const { namespace } = this.task.target.ref;
    const [pod] = pods;
    if (!pod) return refused('the pod of the census is gone before it was read');
    const log = { namespace, name: pod.metadata.name ?? '', container: CENSUS_LOG.container };
    return judgeCensus(await this.kube.logs(log, CENSUS_LOG.options), this.task.census);
  }
}

const refused = (reason: string): CensusVerdict => ({ do: 'Refuse', reason });

const sampleOf = (name: string, { do: what, reason }: CensusVerdict): GateSample => ({
  ...{ gate: GATE, verdict: what === 'Nothing' ? 'pass' : 'fail', value: null },
  ...{ detail: `data of ${name}: ${reason}`, at: new Date().toISOString() },
});
