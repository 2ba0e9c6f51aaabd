import { z } from 'zod';
import { defaultSCCs } from '../cluster/default-sccs.js';
import { type Binding, bindingSchema, covers, Grants, roleKey, roleSchema, subjectKey } from '../cluster/grants.js';
import { type ImageAnswers, imagesOf } from '../migration/images.js';
import { allocateNamespace, occupiedBlocks } from '../model/allocation.js';
import { type CompiledSCC, type CompiledSCCs, compileSCCs } from '../model/compile.js';
import { UID_RANGE_ANNOTATION } from '../model/names.js';
import type { Namespace } from '../model/namespace.js';
import { sccSchema, type SecurityContextConstraints } from '../model/scc.js';
import { defaultSCC } from '../model/write-defaults.js';
import { serviceAccountSubject, type Subject } from '../admission/request.js';
import { type ClusterObject, groupOf, labelOf, type Unreadable } from './objects.js';
import { ownerOf, type Owner } from './owners.js';
import { Neighbours } from './obstacles.js';
import { type Profiles, profilesIn } from './profiles.js';
import { type Recordings, recordingsIn } from './recordings.js';
import { Shared } from './shared.js';
import { type ScannedWays, waysFinder } from './ways.js';
import { type Workload, workloadsOf } from './workloads.js';

/** The input of a scan: everything that it was given, read. */
export interface Inventory {
  readonly sccs: CompiledSCCs;
  readonly definitions: readonly SecurityContextConstraints[];
  readonly workloads: readonly Workload[];
  readonly unreadable: readonly Unreadable[];
  /** Assumptions, for facts that were not given. */
  readonly assumed: readonly string[];
  /** Images that were looked at; none unless asked for. */
  readonly images: ImageAnswers;
  readonly profilesOf: Profiles;
  readonly recordingsOf: Recordings;
  /** What rows of this scan say alike. */
  readonly shared: Shared;
  namespace(name: string): Namespace;
  waysOf(workload: Workload): ScannedWays;
  readonly neighbours: Neighbours;
  ownerOf(workload: Workload): Owner | null;
  /** May the subject `use` the SCC in the namespace by RBAC? */
  mayUse(subject: Subject, scc: string, namespace: string): boolean;
  /** Through what the ServiceAccount may use an SCC: bindings, or the SCC's own users and groups. */
  through(account: { namespace: string; name: string }, scc: CompiledSCC): string[];
}

/** The ClusterRole that OpenShift keeps for an SCC. */
const shippedRole = (scc: string) => ({
  metadata: { name: `system:openshift:scc:${scc}` },
  rules: [
    {
      verbs: ['use'],
      apiGroups: ['security.openshift.io'],
      resources: ['securitycontextconstraints'],
      resourceNames: [scc],
    },
  ],
});
/** So many namespaces are named. */
const NAMED = 5;

/** Every account may use the strict ones, as OpenShift binds them. */
const SHIPPED_BINDINGS = ['restricted-v2', 'restricted-v3'].map((scc): Binding & { scc: string } => {
  const { name } = shippedRole(scc).metadata;
  const subjects = [{ kind: 'Group', name: 'system:authenticated' }];
  return { scc, metadata: { name }, roleRef: { kind: 'ClusterRole', name }, subjects };
});

const isKind = (object: ClusterObject, group: string, ...kinds: readonly string[]): boolean =>
  groupOf(object.apiVersion) === group && kinds.includes(object.kind);

const RBAC = 'rbac.authorization.k8s.io';

function definitionsOf(objects: readonly ClusterObject[], unreadable: Unreadable[], assumed: string[]) {
  const given = objects.filter((object) => isKind(object, 'security.openshift.io', 'SecurityContextConstraints'));
  const definitions = given.flatMap((object) => {
    const parsed = sccSchema.safeParse(object);
    if (parsed.success) return [defaultSCC(parsed.data)];
    unreadable.push({ source: labelOf(object), reason: z.prettifyError(parsed.error) });
    return [];
  });
  if (definitions.length > 0) return definitions;
  assumed.push('the cluster has the default SCCs: none were given');
  return defaultSCCs();
}

interface NamedBinding {
  readonly label: string;
  /** Undefined: in every namespace. */
  readonly namespace: string | undefined;
  readonly role: string;
}

/** Bindings by the users and groups that they name. */
class Bindings {
  readonly #bySubject = new Map<string, NamedBinding[]>();

  add(label: string, { metadata, roleRef, subjects }: Binding): void {
    const namespace = metadata.namespace ?? undefined;
    const named = { label, namespace, role: roleKey(roleRef.kind, roleRef.name, namespace) };
    for (const key of new Set((subjects ?? []).map(subjectKey))) {
      const known = this.#bySubject.get(key);
      if (known) known.push(named);
      else this.#bySubject.set(key, [named]);
    }
  }

  of(key: string, namespace: string): readonly NamedBinding[] {
    const all = this.#bySubject.get(key) ?? [];
    return all.filter((binding) => binding.namespace === undefined || binding.namespace === namespace);
  }
}

function accessOf(
  objects: readonly ClusterObject[],
  names: readonly string[],
  { unreadable, assumed }: { unreadable: Unreadable[]; assumed: string[] },
) {
  const grants = new Grants();
  const bindings = new Bindings();
  const bind = (label: string, binding: Binding): void => {
    grants.setBinding(label, binding);
    bindings.add(label, binding);
  };
  let isGiven = false;
  for (const object of objects) {
    if (isKind(object, RBAC, 'ClusterRole', 'Role')) {
      const role = roleSchema.safeParse(object);
      if (role.success)
        grants.setRole(roleKey(object.kind, object.metadata.name, object.metadata.namespace), role.data);
      else unreadable.push({ source: labelOf(object), reason: z.prettifyError(role.error) });
    } else if (isKind(object, RBAC, 'ClusterRoleBinding', 'RoleBinding')) {
      const binding = bindingSchema.safeParse(object);
      if (binding.success) bind(labelOf(object), binding.data);
      else unreadable.push({ source: labelOf(object), reason: z.prettifyError(binding.error) });
      // Every cluster has bindings of the system, and no chart has.
      isGiven ||= object.kind === 'ClusterRoleBinding' && object.metadata.name.startsWith('system:');
    }
  }
  if (!isGiven) {
    assumed.push('roles and bindings are as OpenShift ships them: no bindings of the system were given');
    for (const role of names.map(shippedRole)) {
      const key = roleKey('ClusterRole', role.metadata.name, null);
      if (!grants.rightOf(key)) grants.setRole(key, role);
    }
    for (const { scc: _scc, ...binding } of SHIPPED_BINDINGS.filter((shipped) => names.includes(shipped.scc)))
      bind(`ClusterRoleBinding ${binding.metadata.name}`, binding);
  }
  return { grants, bindings };
}

/** The namespaces by name. One that is not given, or has no ranges yet, gets those that the allocator would give it next. */
function namespacesOf(objects: readonly ClusterObject[], names: ReadonlySet<string>) {
  const given = new Map(
    objects.filter((object) => isKind(object, '', 'Namespace')).map(({ metadata }) => [metadata.name, metadata]),
  );
  const ranges = [...given.values()].map(({ annotations }) => annotations?.[UID_RANGE_ANNOTATION] ?? '');
  const occupied = new Set(ranges.flatMap(occupiedBlocks));
  const namespaces = new Map<string, Namespace>();
  for (const name of [...names].sort()) {
    const metadata = given.get(name);
    const annotations = metadata?.annotations ?? {};
    const allocated = allocateNamespace(annotations, occupied);
    if (allocated) occupied.add(allocated.block);
    const all = { ...annotations, ...allocated?.annotations };
    namespaces.set(name, { name, labels: metadata?.labels ?? {}, annotations: all });
  }
  const without = [...names].filter((name) => !given.has(name));
  return { namespaces, without };
}

/**
 * Reads the objects of a cluster, of files, or of both.
 * @param fallback the namespace of objects that name none
 */
export function inventoryOf(objects: readonly ClusterObject[], fallback = 'default'): Inventory {
  const { workloads, unreadable, livePods } = workloadsOf(objects, fallback);
  const assumed: string[] = [];
  const definitions = definitionsOf(objects, unreadable, assumed);
  const { grants, bindings } = accessOf(
    objects,
    definitions.map(({ metadata }) => metadata.name),
    { unreadable, assumed },
  );
  const { namespaces, without } = namespacesOf(objects, new Set(workloads.map(({ namespace }) => namespace)));
  if (without.length > 0) {
    const more = without.length > NAMED ? ` and ${without.length - NAMED} more` : '';
    assumed.push(`id ranges and labels of a new namespace for ${without.slice(0, NAMED).join(', ')}${more}`);
  }
  const waysOf = waysFinder(objects, fallback);
  return {
    sccs: compileSCCs(definitions),
    definitions,
    workloads,
    unreadable,
    assumed,
    images: new Map(),
    profilesOf: profilesIn(objects, fallback),
    recordingsOf: recordingsIn(objects, fallback),
    shared: new Shared(),
    namespace: (name) => namespaces.get(name) ?? { name },
    waysOf,
    neighbours: new Neighbours(objects, { workloads, livePods }, fallback),
    ownerOf,
    mayUse: (subject, scc, namespace) => grants.rightsIn(namespace, subject).some((right) => covers(right, scc)),
    through: ({ namespace, name }, scc) => {
      const subject = serviceAccountSubject(namespace, name);
      const keys = [
        `user:${subject.name}`,
        ...[...subject.groups, 'system:authenticated'].map((group) => `group:${group}`),
      ];
      const found = new Map<string, string>();
      for (const key of keys)
        for (const { label, role } of bindings.of(key, namespace)) {
          const right = grants.rightOf(role);
          if (right && covers(right, scc.name) && !found.has(label))
            found.set(label, `${label} (${key.slice(key.indexOf(':') + 1)})`);
        }
      const through = [...found.values()];
      if (scc.users.has(subject.name)) through.push(`users of the SCC ${scc.name}`);
      const group = subject.groups.find((one) => scc.groups.has(one));
      return group === undefined ? through : [...through, `groups of the SCC ${scc.name} (${group})`];
    },
  };
}

/** The images of the containers of every workload, by the digests that run where pods show them. */
export const imagesIn = (workloads: readonly Pick<Workload, 'asRun'>[]): Set<string> =>
  new Set(workloads.flatMap(({ asRun }) => imagesOf(asRun).map(({ image }) => image)));

/** The same with what the registries say of images. */
export const withImages = (inventory: Inventory, images: ImageAnswers): Inventory => ({ ...inventory, images });
