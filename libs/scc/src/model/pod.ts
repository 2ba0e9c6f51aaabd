import { z } from 'zod';
import { seLinuxOptionsSchema } from './scc.js';

const id = z.int().nullish();
const flag = z.boolean().nullish();

const seccompProfileSchema = z.looseObject({ type: z.string(), localhostProfile: z.string().nullish() });
const capabilitiesSchema = z.looseObject({
  add: z.array(z.string()).nullish(),
  drop: z.array(z.string()).nullish(),
});

const containerSchema = z.looseObject({
  name: z.string().min(1),
  ports: z.array(z.looseObject({ containerPort: z.int().nullish(), hostPort: z.int().nullish() })).nullish(),
  securityContext: z
    .looseObject({
      runAsUser: id,
      runAsGroup: id,
      runAsNonRoot: flag,
      privileged: flag,
      allowPrivilegeEscalation: flag,
      readOnlyRootFilesystem: flag,
      capabilities: capabilitiesSchema.nullish(),
      seLinuxOptions: seLinuxOptionsSchema.nullish(),
      seccompProfile: seccompProfileSchema.nullish(),
    })
    .nullish(),
});

const podSpecSchema = z.looseObject({
  serviceAccountName: z.string().nullish(),
  /** Deprecated alias, which counts where `serviceAccountName` is not set. */
  serviceAccount: z.string().nullish(),
  hostNetwork: flag,
  hostPID: flag,
  hostIPC: flag,
  hostUsers: flag,
  os: z.looseObject({ name: z.string().nullish() }).nullish(),
  securityContext: z
    .looseObject({
      runAsUser: id,
      runAsGroup: id,
      runAsNonRoot: flag,
      fsGroup: id,
      supplementalGroups: z.array(z.int()).nullish(),
      seLinuxOptions: seLinuxOptionsSchema.nullish(),
      seccompProfile: seccompProfileSchema.nullish(),
      sysctls: z.array(z.looseObject({ name: z.string() })).nullish(),
    })
    .nullish(),
  volumes: z.array(z.looseObject({ name: z.string() })).nullish(),
  initContainers: z.array(containerSchema).nullish(),
  containers: z.array(containerSchema),
  ephemeralContainers: z.array(containerSchema).nullish(),
});

/** The ServiceAccount that a pod's fields name; null where they leave it to the API server. */
export function namedAccount({ serviceAccountName, serviceAccount }: Accounts): string | null {
  return [serviceAccountName, serviceAccount].find((name) => typeof name === 'string' && name !== '') ?? null;
}
type Accounts = Partial<Pick<z.infer<typeof podSpecSchema>, 'serviceAccountName' | 'serviceAccount'>>;

/** The ServiceAccount that a pod runs as: the API server fills in `default` where it names none. */
export const accountOf = (spec: Accounts): string => namedAccount(spec) ?? 'default';

const metadataSchema = z.looseObject({
  name: z.string().nullish(),
  generateName: z.string().nullish(),
  namespace: z.string().nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});

/** What SCC admission reads of a pod; every other field passes through untouched. Parse a pod with it at the edge. */
export const podSchema = z.looseObject({ metadata: metadataSchema, spec: podSpecSchema });
/** The pod template of a workload. */
export const podTemplateSchema = z.looseObject({ metadata: metadataSchema.nullish(), spec: podSpecSchema });

export type Pod = z.infer<typeof podSchema>;
export type PodTemplate = z.infer<typeof podTemplateSchema>;
export type PodSpec = Pod['spec'];
export type Container = z.infer<typeof containerSchema>;
export type PodSecurityContext = NonNullable<PodSpec['securityContext']>;
export type ContainerSecurityContext = NonNullable<Container['securityContext']>;
export type SeccompProfile = z.infer<typeof seccompProfileSchema>;
export type Volume = NonNullable<PodSpec['volumes']>[number];

export const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;
export type ContainerList = (typeof CONTAINER_LISTS)[number];
