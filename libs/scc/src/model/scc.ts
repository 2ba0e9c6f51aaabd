import { z } from 'zod';

const strings = z.array(z.string()).nullish();
const id = z.int();
const idRange = z.object({ min: id.nullish(), max: id.nullish() });
const groupStrategy = z.object({ type: z.string().nullish(), ranges: z.array(idRange).nullish() }).nullish();

export const seLinuxOptionsSchema = z.object({
  user: z.string().nullish(),
  role: z.string().nullish(),
  type: z.string().nullish(),
  level: z.string().nullish(),
});

/**
 * A `security.openshift.io/v1` SecurityContextConstraints as a user writes it or as the API holds it. Strategy types
 * stay free strings, as in OpenShift's own schema: `validateSCC` judges them, and an unknown one fails every decision
 * that would have to use it.
 */
export const sccSchema = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: z.looseObject({
    name: z.string().min(1),
    annotations: z.record(z.string(), z.string()).nullish(),
    labels: z.record(z.string(), z.string()).nullish(),
  }),
  priority: z.int().nullish(),
  users: strings,
  groups: strings,
  allowPrivilegedContainer: z.boolean().nullish(),
  allowPrivilegeEscalation: z.boolean().nullish(),
  defaultAllowPrivilegeEscalation: z.boolean().nullish(),
  defaultAddCapabilities: strings,
  requiredDropCapabilities: strings,
  allowedCapabilities: strings,
  allowHostDirVolumePlugin: z.boolean().nullish(),
  allowHostNetwork: z.boolean().nullish(),
  allowHostPorts: z.boolean().nullish(),
  allowHostPID: z.boolean().nullish(),
  allowHostIPC: z.boolean().nullish(),
  readOnlyRootFilesystem: z.boolean().nullish(),
  userNamespaceLevel: z.string().nullish(),
  runAsUser: z
    .object({
      type: z.string().nullish(),
      uid: id.nullish(),
      uidRangeMin: id.nullish(),
      uidRangeMax: id.nullish(),
    })
    .nullish(),
  seLinuxContext: z.object({ type: z.string().nullish(), seLinuxOptions: seLinuxOptionsSchema.nullish() }).nullish(),
  fsGroup: groupStrategy,
  supplementalGroups: groupStrategy,
  seccompProfiles: strings,
  allowedUnsafeSysctls: strings,
  forbiddenSysctls: strings,
  allowedFlexVolumes: z.array(z.object({ driver: z.string() })).nullish(),
  volumes: strings,
});

export type SecurityContextConstraints = z.infer<typeof sccSchema>;
export type SELinuxOptions = z.infer<typeof seLinuxOptionsSchema>;

/** Both ends belong to the range. */
export interface IdRange {
  readonly min: number;
  readonly max: number;
}
