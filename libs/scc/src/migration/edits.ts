import { SECCOMP_CONTAINER_ANNOTATION_PREFIX, SECCOMP_POD_ANNOTATION } from '../model/names.js';
import type { Container, ContainerList, PodTemplate } from '../model/pod.js';
import type { RuleViolation, ViolationRule } from '../rules/violation.js';
import type { TemplatePatch } from './patch.js';

/** One change of one field of a pod template. */
export interface Edit {
  /** Path in the template, `spec.containers[web].securityContext.runAsUser`. */
  readonly field: string;
  readonly change: 'set' | 'remove';
  /** The present value in the template, and the one to set. */
  readonly from: unknown;
  readonly to: unknown;
  readonly reason: string;
  readonly patch: TemplatePatch;
}

/** An edit together with the one container on whose admission alone it bears; undefined for the whole pod. */
export interface FoundEdit extends Edit {
  readonly container: string | undefined;
}

interface Place {
  readonly template: PodTemplate;
  readonly violation: RuleViolation;
  /** The values of all violations that are lifted together, of the same rule and container. */
  readonly values: ReadonlySet<unknown>;
  /** The container that the violation names, if it names one. */
  readonly at: { readonly list: ContainerList; readonly container: Container } | undefined;
}

type Level = 'pod' | 'container';

const context = ({ template, at }: Place, level: Level): Readonly<Record<string, unknown>> =>
  (level === 'pod' ? template.spec.securityContext : at?.container.securityContext) ?? {};

function edit(place: Place, level: Level | 'spec', change: { key: string; to: unknown }): FoundEdit {
  const { template, violation, at } = place;
  const { key, to } = change;
  const from = level === 'spec' ? template.spec[key] : context(place, level)[key];
  const value = to === undefined ? null : to;
  const shared = {
    container: undefined,
    change: to === undefined ? ('remove' as const) : ('set' as const),
    from,
    to,
    reason: violation.bound,
  };
  if (level === 'spec') return { ...shared, field: `spec.${key}`, patch: { spec: { [key]: value } } };
  if (level === 'pod' || !at)
    return { ...shared, field: `spec.securityContext.${key}`, patch: { spec: { securityContext: { [key]: value } } } };
  const { list, container } = at;
  return {
    ...shared,
    container: container.name,
    field: `spec.${list}[${container.name}].securityContext.${key}`,
    patch: { spec: { [list]: [{ name: container.name, securityContext: { [key]: value } }] } },
  };
}

/** Removes a field where the violating value comes from: the container's own, else the pod's. */
function removeEffective(place: Place, key: string): FoundEdit[] {
  if (place.at && context(place, 'container')[key] != null) return [edit(place, 'container', { key, to: undefined })];
  return context(place, 'pod')[key] == null ? [] : [edit(place, 'pod', { key, to: undefined })];
}

function capabilities({ at, violation, values }: Place): FoundEdit[] {
  const add = at?.container.securityContext?.capabilities?.add ?? [];
  const kept = add.filter((name) => !values.has(name));
  if (!at || kept.length === add.length) return [];
  const securityContext = { capabilities: { add: kept.length > 0 ? kept : null } };
  return [
    {
      container: at.container.name,
      field: `spec.${at.list}[${at.container.name}].securityContext.capabilities.add`,
      change: kept.length > 0 ? 'set' : 'remove',
      from: add,
      to: kept.length > 0 ? kept : undefined,
      reason: violation.bound,
      patch: { spec: { [at.list]: [{ name: at.container.name, securityContext }] } },
    },
  ];
}

function sysctls(place: Place): FoundEdit[] {
  const all = place.template.spec.securityContext?.sysctls ?? [];
  const kept = all.filter(({ name }) => !place.values.has(name));
  return [edit(place, 'pod', { key: 'sysctls', to: kept.length > 0 ? kept : undefined })];
}

function annotation(place: Place, name: string): FoundEdit[] {
  const from = place.template.metadata?.annotations?.[name];
  if (from === undefined) return [];
  const patch = { metadata: { annotations: { [name]: null } } };
  const field = `metadata.annotations[${name}]`;
  const container = place.at?.container.name;
  return [{ container, field, change: 'remove', from, to: undefined, reason: place.violation.bound, patch }];
}

/** A profile may be stated in a field and in the annotation that preceded it. */
function seccomp(place: Place): FoundEdit[] {
  const { at } = place;
  const own = at ? annotation(place, SECCOMP_CONTAINER_ANNOTATION_PREFIX + at.container.name) : [];
  if (at?.container.securityContext?.seccompProfile)
    own.push(edit(place, 'container', { key: 'seccompProfile', to: undefined }));
  if (own.length > 0) return own;
  const ofPod = { ...place, at: undefined };
  return [...annotation(ofPod, SECCOMP_POD_ANNOTATION), ...removeEffective(ofPod, 'seccompProfile')];
}

const PORT_FIELD = /\.ports\[(\d+)\]\.hostPort$/;

/** Only ports that the template publishes itself: others are published by hostNetwork and vanish with it. */
function hostPorts(place: Place): FoundEdit[] {
  const { at, violation } = place;
  const port = at?.container.ports?.[Number(PORT_FIELD.exec(violation.field)?.[1])];
  if (!at || !port || port.hostPort !== violation.value) return [];
  return [
    {
      container: at.container.name,
      field: `spec.${at.list}[${at.container.name}].ports[${port.containerPort ?? ''}].hostPort`,
      change: 'remove',
      from: port.hostPort,
      to: undefined,
      reason: violation.bound,
      patch: {
        spec: {
          [at.list]: [{ name: at.container.name, ports: [{ containerPort: port.containerPort, hostPort: null }] }],
        },
      },
    },
  ];
}

function user(place: Place): FoundEdit[] {
  return removeEffective(place, place.violation.field.endsWith('runAsNonRoot') ? 'runAsNonRoot' : 'runAsUser');
}

const none = (): FoundEdit[] => [];
const removeOfPod =
  (key: string) =>
  (place: Place): FoundEdit[] =>
    removeEffective({ ...place, at: undefined }, key);

const EDITS: Readonly<Record<ViolationRule, (place: Place) => FoundEdit[]>> = {
  runAsUser: user,
  seLinuxContext: (place) => removeEffective(place, 'seLinuxOptions'),
  fsGroup: removeOfPod('fsGroup'),
  supplementalGroups: removeOfPod('supplementalGroups'),
  capabilities,
  privileged: (place) => removeEffective(place, 'privileged'),
  allowPrivilegeEscalation: (place) => [edit(place, 'container', { key: 'allowPrivilegeEscalation', to: false })],
  readOnlyRootFilesystem: (place) => [edit(place, 'container', { key: 'readOnlyRootFilesystem', to: true })],
  seccomp,
  sysctls,
  host: (place) => [edit(place, 'spec', { key: place.violation.field.replace('spec.', ''), to: undefined })],
  hostPorts,
  userNamespace: (place) => [edit(place, 'spec', { key: 'hostUsers', to: false })],
  volumes: none,
  usability: none,
  namespace: none,
  mutation: none,
};

const CONTAINER_FIELD = /^spec\.(initContainers|containers|ephemeralContainers)\[(\d+)\]/;

/** Rules of which all violations of a container, or of the pod, are lifted by one edit of one list. */
const OF_ONE_LIST: ReadonlySet<ViolationRule> = new Set(['capabilities', 'sysctls']);

/** The violations in their order, with the containers that their paths name. */
function placesOf(template: PodTemplate, violations: readonly RuleViolation[]): Place[] {
  const places = new Map<string, Place & { readonly values: Set<unknown> }>();
  for (const [order, violation] of violations.entries()) {
    const match = CONTAINER_FIELD.exec(violation.field);
    const key = OF_ONE_LIST.has(violation.rule) ? `${violation.rule} ${match?.[0] ?? ''}` : String(order);
    const known = places.get(key);
    if (known) {
      known.values.add(violation.value);
      continue;
    }
    const list = match?.[1] as ContainerList | undefined;
    const container = list && template.spec[list]?.[Number(match?.[2])];
    const at = list && container ? { list, container } : undefined;
    places.set(key, { template, violation, at, values: new Set([violation.value]) });
  }
  return [...places.values()];
}

/** The edits of a template that lift violations, one for each field; none for what no edit of a field can lift. */
export function editsFor(template: PodTemplate, violations: readonly RuleViolation[]): FoundEdit[] {
  const found = placesOf(template, violations).flatMap((place) => EDITS[place.violation.rule](place));
  return [...new Map(found.map((edit) => [edit.field, edit])).values()];
}
