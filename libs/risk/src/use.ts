import { type CompiledSCC, type PodTemplate, type SCCComparison } from '@scc/scc';
import { admitsUserId, userIdsOf } from './user-ids.js';

export type Dimension = SCCComparison['losses'][number]['dimension'];

/** How much of what is lost a pod uses: it says so, it says nothing, or it provably does not. */
export const USE = { declared: 1, undeclared: 0.5, none: 0 } as const;

export interface Loss {
  readonly dimension: Dimension;
  readonly lost: readonly string[];
  readonly target: CompiledSCC;
}

type Container = PodTemplate['spec']['containers'][number];
type Context = NonNullable<Container['securityContext']>;
type Rule = (template: PodTemplate, loss: Loss, seen: SeenUsers) => number;

/** The user ids that containers are known to run as where the template names none, by container. */
export type SeenUsers = ReadonlyMap<string, number>;
export const NOTHING_SEEN: SeenUsers = new Map();

const containers = ({ spec }: PodTemplate): Container[] => [...(spec.initContainers ?? []), ...spec.containers];
const contexts = (template: PodTemplate): Context[] =>
  containers(template).map(({ securityContext }) => securityContext ?? {});
const declaredIf = (declared: boolean): number => (declared ? USE.declared : USE.none);

/** Of what every container says: used by one is used, excluded by all is not, otherwise it is unknown. */
function stated(values: readonly (boolean | undefined)[]): number {
  if (values.some((value) => value === true)) return USE.declared;
  return values.every((value) => value === false) ? USE.none : USE.undeclared;
}

const users = (template: PodTemplate, seen: SeenUsers): (number | undefined)[] =>
  containers(template).map(
    ({ name, securityContext }) =>
      securityContext?.runAsUser ?? template.spec.securityContext?.runAsUser ?? seen.get(name),
  );

const rootUser: Rule = (template, _loss, seen) => {
  const nonRoot = template.spec.securityContext?.runAsNonRoot;
  return stated(
    users(template, seen).map((id, index) => {
      if (id !== undefined) return id === 0;
      return (contexts(template)[index]?.runAsNonRoot ?? nonRoot) === true ? false : undefined;
    }),
  );
};

const userIds: Rule = (template, { target }, seen) => {
  const ids = userIdsOf(target);
  return stated(users(template, seen).map((id) => (id === undefined ? undefined : !admitsUserId(ids, id))));
};

const capabilities: Rule = (template, { lost }) =>
  stated(
    contexts(template).map(({ capabilities: asked }) => {
      if (asked?.add?.some((name) => lost.includes(name) || name === 'ALL')) return true;
      return asked?.drop?.includes('ALL') ? false : undefined;
    }),
  );

const seccomp: Rule = (template) =>
  stated(
    contexts(template).map(({ seccompProfile }) => {
      const profile = seccompProfile ?? template.spec.securityContext?.seccompProfile;
      return profile ? profile.type !== 'RuntimeDefault' : undefined;
    }),
  );

const HOST_NAMESPACES: Readonly<Record<string, (template: PodTemplate) => boolean>> = {
  network: ({ spec }) => spec.hostNetwork === true,
  PID: ({ spec }) => spec.hostPID === true,
  IPC: ({ spec }) => spec.hostIPC === true,
  ports: (template) =>
    containers(template).some(({ ports }) => (ports ?? []).some(({ hostPort }) => hostPort != null && hostPort !== 0)),
};

/** Two kinds of volumes are called otherwise in pods. */
const VOLUME_NAMES = new Map([
  ['cephfs', 'cephFS'],
  ['vsphereVolume', 'vsphere'],
]);

const volumeTypes = ({ spec }: PodTemplate): string[] =>
  (spec.volumes ?? []).flatMap((volume) =>
    Object.entries(volume).flatMap(([field, value]) =>
      field === 'name' || value == null ? [] : [VOLUME_NAMES.get(field) ?? field],
    ),
  );

const groups: Rule = ({ spec }, { lost }) => {
  const { fsGroup, supplementalGroups } = spec.securityContext ?? {};
  const usesFsGroup = lost.includes('any fsGroup') && fsGroup != null;
  return declaredIf(usesFsGroup || (lost.includes('any other group') && (supplementalGroups ?? []).length > 0));
};

const seLinux: Rule = (template) =>
  declaredIf(
    [template.spec.securityContext ?? {}, ...contexts(template)].some(({ seLinuxOptions }) => seLinuxOptions != null),
  );

/** The uses of each dimension; the type of the table makes it complete. */
const RULES: Readonly<Record<Dimension, Rule>> = {
  'privileged containers': (template) => declaredIf(contexts(template).some(({ privileged }) => privileged === true)),
  'host namespaces': (template, { lost }) =>
    declaredIf(lost.some((name) => HOST_NAMESPACES[name]?.(template) === true)),
  'host files': (template) => declaredIf(volumeTypes(template).includes('hostPath')),
  'root user': rootUser,
  'privilege escalation': (template) =>
    stated(contexts(template).map(({ allowPrivilegeEscalation }) => allowPrivilegeEscalation ?? undefined)),
  capabilities,
  seccomp,
  'user ids': userIds,
  SELinux: seLinux,
  groups,
  sysctls: ({ spec }, { lost }) =>
    declaredIf((spec.securityContext?.sysctls ?? []).some(({ name }) => lost.includes('*') || lost.includes(name))),
  volumes: (template, { lost }) => declaredIf(volumeTypes(template).some((type) => lost.includes(type))),
  'writable root filesystem': (template) =>
    stated(
      contexts(template).map(({ readOnlyRootFilesystem }) =>
        readOnlyRootFilesystem == null ? undefined : !readOnlyRootFilesystem,
      ),
    ),
  'user namespace of the node': ({ spec }) => stated([spec.hostUsers ?? undefined]),
  'stating a seccomp profile': () => USE.none,
};

/** How much a pod of the template uses what it loses; null for a template that could not be read: it may use all of it. */
export const useOf = (template: PodTemplate | null, loss: Loss, seen: SeenUsers = NOTHING_SEEN): number =>
  template === null ? USE.undeclared : RULES[loss.dimension](template, loss, seen);
