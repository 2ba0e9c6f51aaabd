import { z } from 'zod';
import type { KubeObject } from '@scc/kube';

const namedSchema = z.array(z.looseObject({ name: z.string() })).default([]);
const containerSchema = z.looseObject({ name: z.string(), env: namedSchema, volumeMounts: namedSchema });
const specSchema = z.looseObject({
  securityContext: z.looseObject({}).default({}),
  containers: z.array(containerSchema),
  volumes: namedSchema,
});
const workloadSchema = z.looseObject({
  spec: z.looseObject({ template: z.looseObject({ spec: specSchema }) }),
});

/** How the local stack installs a workload of the chart: what an overlay of kustomize would say. */
export interface Overlay {
  /** Absent for a Job. */
  replicas?: number;
  node: string;
  taint: string;
  runAsUser: number;
  /** Replaces variables of the same name. */
  env: Record<string, string>;
  /** Secrets that are mounted in addition, by their folder. */
  secrets: Record<string, string>;
}

/** A workload of the chart's rendering with the stack's own values. */
export function overlaid(workload: KubeObject, overlay: Overlay): KubeObject {
  const { replicas, node, taint, runAsUser, env, secrets } = overlay;
  const { spec } = workloadSchema.parse(workload);
  const pod = spec.template.spec;
  const added = Object.entries(secrets).map(([folder, secretName]) => ({ secretName, mountPath: folder }));
  const template = {
    ...spec.template,
    spec: {
      ...pod,
      nodeSelector: { 'kubernetes.io/hostname': node },
      tolerations: [{ key: taint, operator: 'Exists', effect: 'NoSchedule' }],
      securityContext: { ...pod.securityContext, runAsUser },
      containers: pod.containers.map((container) => ({
        ...container,
        env: [
          ...container.env.filter(({ name }) => !(name in env)),
          ...Object.entries(env).map(([name, value]) => ({ name, value })),
        ],
        volumeMounts: [
          ...container.volumeMounts,
          ...added.map(({ secretName, mountPath }) => ({ name: secretName, mountPath, readOnly: true })),
        ],
      })),
      volumes: [...pod.volumes, ...added.map(({ secretName }) => ({ name: secretName, secret: { secretName } }))],
    },
  };
  return { ...workload, spec: { ...spec, ...(replicas === undefined ? {} : { replicas }), template } };
}
