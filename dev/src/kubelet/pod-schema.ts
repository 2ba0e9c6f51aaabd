import { z } from 'zod';

const portSchema = z.union([z.int(), z.string()]);
const handlerSchema = z.looseObject({
  httpGet: z
    .looseObject({
      path: z.string().default('/'),
      port: portSchema,
      host: z.string().optional(),
      scheme: z.enum(['HTTP', 'HTTPS']).default('HTTP'),
    })
    .optional(),
  tcpSocket: z.looseObject({ port: portSchema }).optional(),
  grpc: z.looseObject({ port: z.int() }).optional(),
  exec: z.looseObject({ command: z.array(z.string()).default([]) }).optional(),
  sleep: z.object({ seconds: z.int() }).optional(),
});
const probeSchema = handlerSchema.extend({
  initialDelaySeconds: z.int().default(0),
  periodSeconds: z.int().default(10),
  timeoutSeconds: z.int().default(1),
  successThreshold: z.int().default(1),
  failureThreshold: z.int().default(3),
});
export type Handler = z.infer<typeof handlerSchema>;
export type ContainerProbe = z.infer<typeof probeSchema>;

const containerSecuritySchema = z.looseObject({
  runAsUser: z.int().optional(),
  runAsGroup: z.int().optional(),
  runAsNonRoot: z.boolean().optional(),
  privileged: z.boolean().optional(),
  readOnlyRootFilesystem: z.boolean().optional(),
  capabilities: z.object({ add: z.array(z.string()).optional(), drop: z.array(z.string()).optional() }).optional(),
});
const podSecuritySchema = z.looseObject({
  runAsUser: z.int().optional(),
  runAsGroup: z.int().optional(),
  runAsNonRoot: z.boolean().optional(),
  fsGroup: z.int().optional(),
  fsGroupChangePolicy: z.enum(['Always', 'OnRootMismatch']).default('Always'),
  supplementalGroups: z.array(z.int()).optional(),
  sysctls: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
});

const keyOfSchema = z.object({ name: z.string().default(''), key: z.string(), optional: z.boolean().default(false) });
const fieldSchema = z.looseObject({ fieldPath: z.string() });
const envSourceSchema = z.looseObject({
  fieldRef: fieldSchema.optional(),
  secretKeyRef: keyOfSchema.optional(),
  configMapKeyRef: keyOfSchema.optional(),
});
const wholeSchema = z.object({ name: z.string().default(''), optional: z.boolean().default(false) });
const envFromSchema = z.looseObject({
  prefix: z.string().default(''),
  secretRef: wholeSchema.optional(),
  configMapRef: wholeSchema.optional(),
});

const itemsSchema = z.array(z.looseObject({ key: z.string(), path: z.string() })).optional();
const downwardItemsSchema = z.array(z.looseObject({ path: z.string(), fieldRef: fieldSchema.optional() })).default([]);
const projectionSchema = z.looseObject({
  serviceAccountToken: z
    .object({ path: z.string(), audience: z.string().optional(), expirationSeconds: z.int().default(3600) })
    .optional(),
  configMap: wholeSchema.extend({ items: itemsSchema }).optional(),
  secret: wholeSchema.extend({ items: itemsSchema }).optional(),
  downwardAPI: z.looseObject({ items: downwardItemsSchema }).optional(),
});
export type VolumeProjection = z.infer<typeof projectionSchema>;
const mode = z.int().default(0o644);
const volumeSchema = z.looseObject({
  name: z.string(),
  emptyDir: z.looseObject({}).optional(),
  configMap: wholeSchema.extend({ items: itemsSchema, defaultMode: mode }).optional(),
  secret: z
    .object({ secretName: z.string(), optional: z.boolean().default(false), items: itemsSchema, defaultMode: mode })
    .optional(),
  downwardAPI: z.looseObject({ items: downwardItemsSchema, defaultMode: mode }).optional(),
  projected: z.looseObject({ sources: z.array(projectionSchema).default([]), defaultMode: mode }).optional(),
  persistentVolumeClaim: z.looseObject({ claimName: z.string(), readOnly: z.boolean().default(false) }).optional(),
});
export type KubeletVolume = z.infer<typeof volumeSchema>;
const mountSchema = z.looseObject({
  name: z.string(),
  mountPath: z.string(),
  subPath: z.string().default(''),
  readOnly: z.boolean().default(false),
});

const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string().default(''),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  env: z
    .array(z.looseObject({ name: z.string(), value: z.string().optional(), valueFrom: envSourceSchema.optional() }))
    .default([]),
  envFrom: z.array(envFromSchema).default([]),
  volumeMounts: z.array(mountSchema).default([]),
  ports: z
    .array(z.looseObject({ name: z.string().optional(), containerPort: z.int(), protocol: z.string().default('TCP') }))
    .default([]),
  securityContext: containerSecuritySchema.optional(),
  resources: z.looseObject({ limits: z.looseObject({ memory: z.string().optional() }).prefault({}) }).prefault({}),
  readinessProbe: probeSchema.optional(),
  livenessProbe: probeSchema.optional(),
  startupProbe: probeSchema.optional(),
  lifecycle: z.looseObject({ preStop: handlerSchema.optional() }).optional(),
});
export type KubeletContainer = z.infer<typeof containerSchema>;

/** A Pod as far as a kubelet looks at it. */
export const kubeletPodSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    generation: z.int().optional(),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.int().optional(),
  }),
  spec: z.looseObject({
    nodeName: z.string().optional(),
    hostname: z.string().optional(),
    subdomain: z.string().optional(),
    serviceAccountName: z.string().default('default'),
    volumes: z.array(volumeSchema).default([]),
    restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).default('Always'),
    terminationGracePeriodSeconds: z.int().default(30),
    securityContext: podSecuritySchema.prefault({}),
    initContainers: z.array(containerSchema).default([]),
    containers: z.array(containerSchema),
    readinessGates: z.array(z.object({ conditionType: z.string() })).default([]),
  }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      podIP: z.string().optional(),
      containerStatuses: z.array(z.looseObject({ name: z.string(), restartCount: z.int() })).default([]),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]),
    })
    .prefault({}),
});
export type KubeletPod = z.infer<typeof kubeletPodSchema>;
