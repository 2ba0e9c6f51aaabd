import type { KubeClient } from '@scc/kube';
import type { PlanRef, PlanSpec, Violation } from '@scc/plan';
import { gatePodLabels, servicesPicking, sourceIdOf } from '../cluster/gate-jobs.js';

/** Finds before anything is touched which Jobs of gates cannot be made, or would get requests of users. */
export async function reviewJobGates(
  kube: Pick<KubeClient, 'get' | 'list'>,
  { gates: { jobs = [] } }: PlanSpec,
  { namespace, name: plan }: PlanRef,
): Promise<Violation[]> {
  if (jobs.length === 0) return [];
  const { items: services } = await kube.list({ apiVersion: 'v1', kind: 'Service' }, { namespace });
  const found = await Promise.all(
    jobs.map(async (gate, index): Promise<Violation[]> => {
      const { kind, name } = gate.from;
      const field = `spec.gates.jobs[${index}].from`;
      const source = await kube.get(sourceIdOf(gate, namespace));
      if (!source)
        return [
          {
            code: 'JobTemplateNotFound',
            field,
            message: `gate ${gate.name} takes its template from ${kind} ${name}, which ${namespace} does not have`,
            remedy: `Create ${kind} ${name} in ${namespace} (it may be suspended), or name another one.`,
          },
        ];
      const picking = servicesPicking(services, gatePodLabels(source, gate, plan));
      if (picking.length === 0) return [];
      return [
        {
          code: 'JobWouldServe',
          field,
          message: `Service ${picking.join(', ')} would pick the pods of gate ${gate.name}, whose template ${kind} ${name} has its labels, and send them requests`,
          remedy: `Take the labels that the Service selects by out of the pod template of ${kind} ${name}.`,
        },
      ];
    }),
  );
  return found.flat();
}
