import { SECCOMP_CONTAINER_ANNOTATION_PREFIX, SECCOMP_POD_ANNOTATION } from '../model/names.js';
import type { Container, ContainerList, PodTemplate } from '../model/pod.js';
import type { Violation, ViolationRule } from '../rules/scope.js';
import type { TemplatePatch } from './patch.js';

/** One change of one field of a pod template. */
export interface Edit {
  /** Path in the template, `spec.containers[web].securityContext.runAsUser`. */
  readonly field: string;
  readonly change: 'set' | 'remove';
  /** What the template says now and what it shall say. */
  readonly from: unknown;
  readonly to: unknown;
  readonly reason: string;
  readonly patch: TemplatePatch;
}

interface Place {
  readonly template: PodTemplate;
  readonly violation: Violation;
  /** The container that the violation names, if it names one. */
  readonly at: { readonly list: ContainerList; readonly container: Container } | undefined;
}

type Level = 'pod' | 'container';

const context = ({ template, at }: Place, level: Level): Readonly<Record<string, unknown>> =>
  (level === 'pod' ? template.spec.securityContext : at?.container.securityContext) ?? {};

function edit(place: Place, level: Level | 'spec', change: { key: string; to: unknown }): Edit {
  const { template, violation, at } = place;
  const { key, to } = change;
  const from = level === 'spec' ? template.spec[key] : context(place, level)[key];
  const value = to === undefined ? null : to;
  const shared = {
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
    field: `spec.${list}[${container.name}].securityContext.${key}`,
    patch: { spec: { [list]: [{ name: container.name, securityContext: { [key]: value } }] } },
  };
}

/** Removes a field where the violating value comes from: the container's own, else the pod's. */
function removeEffective(place: Place, key: string): Edit[] {
  if (place.at && context(place, 'container')[key] != null) return [edit(place, 'container', { key, to: undefined })];
  return context(place, 'pod')[key] == null ? [] : [edit(place, 'pod', { key, to: undefined })];
}

function capabilities({ at, violation }: Place): Edit[] {
  const add = at?.container.securityContext?.capabilities?.add ?? [];
  if (!at || !add.includes(String(violation.value))) return [];
  const kept = add.filter((name) => name !== violation.value);
  const securityContext = { capabilities: { add: kept.length > 0 ? kept : null } };
  return [
    {
      field: `spec.${at.list}[${at.container.name}].securityContext.capabilities.add`,
      change: kept.length > 0 ? 'set' : 'remove',
      from: add,
      to: kept.length > 0 ? kept : undefined,
      reason: violation.bound,
      patch: { spec: { [at.list]: [{ name: at.container.name, securityContext }] } },
    },
  ];
}

function sysctls(place: Place): Edit[] {
  const all = place.template.spec.securityContext?.sysctls ?? [];
  const kept = all.filter(({ name }) => name !== place.violation.value);
  return [edit(place, 'pod', { key: 'sysctls', to: kept.length > 0 ? kept : undefined })];
}

function annotation(place: Place, name: string): Edit[] {
  const from = place.template.metadata?.annotations?.[name];
  if (from === undefined) return [];
  const patch = { metadata: { annotations: { [name]: null } } };
  const field = `metadata.annotations[${name}]`;
  return [{ field, change: 'remove', from, to: undefined, reason: place.violation.bound, patch }];
}

/** A profile may be stated in a field and in the annotation that preceded it. */
function seccomp(place: Place): Edit[] {
  const { at } = place;
  const own = at ? annotation(place, SECCOMP_CONTAINER_ANNOTATION_PREFIX + at.container.name) : [];
  if (at?.container.securityContext?.seccompProfile)
    own.push(edit(place, 'container', { key: 'seccompProfile', to: undefined }));
  if (own.length > 0) return own;
  return [
    ...annotation(place, SECCOMP_POD_ANNOTATION),
    ...removeEffective({ ...place, at: undefined }, 'seccompProfile'),
  ];
}

/** Only ports that the template publishes itself: others are published by hostNetwork and vanish with it. */
function hostPorts(place: Place): Edit[] {
  const { at, violation } = place;
  const port = at?.container.ports?.find(({ hostPort }) => hostPort === violation.value);
  if (!at || !port) return [];
  return [
    {
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

function user(place: Place): Edit[] {
  return removeEffective(place, place.violation.field.endsWith('runAsNonRoot') ? 'runAsNonRoot' : 'runAsUser');
}

const none = (): Edit[] => [];
const removeOfPod =
  (key: string) =>
  (place: Place): Edit[] =>
    removeEffective({ ...place, at: undefined }, key);

const EDITS: Readonly<Record<ViolationRule, (place: Place) => Edit[]>> = {
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

/** The edits of the template that lift one violation; none when no edit of a field can. */
export const editsFor = (place: Place): Edit[] => EDITS[place.violation.rule](place);

const CONTAINER_FIELD = /^spec\.(initContainers|containers|ephemeralContainers)\[(\d+)\]/;

/** Finds the container that a violation's path names. */
export function locate(template: PodTemplate, violation: Violation): Place {
  const match = CONTAINER_FIELD.exec(violation.field);
  const list = match?.[1] as ContainerList | undefined;
  const container = list && template.spec[list]?.[Number(match?.[2])];
  return { template, violation, at: list && container ? { list, container } : undefined };
}
