import { isRecord } from '@scc/plan/words';
import {
  REQUIRED_SCC_ANNOTATION,
  SECCOMP_CONTAINER_ANNOTATION_PREFIX,
  SECCOMP_POD_ANNOTATION,
} from '../model/names.js';
import type { SecurityContextConstraints } from '../model/scc.js';
import { volumeType } from '../rules/volumes.js';
import { isSame, isUnset, type Difference, keyed } from './differences.js';
import { SECURITY_FIELDS } from './security-fields.js';

/** Parts that a change of a pod template touches. */
export const EXTRA_KINDS = [
  'image',
  'command',
  'environment',
  'secret',
  'configMap',
  'volume',
  'serviceAccount',
  'host',
  'privilege',
  'metadata',
  'probe',
  'lifecycle',
  'container',
  'other',
] as const;
type ExtraKind = (typeof EXTRA_KINDS)[number];

/** One change of a pod template that its target SCC does not need. */
export interface Extra {
  /** Path in the template, `spec.containers[web].image`. */
  readonly field: string;
  readonly kind: ExtraKind;
  readonly change: 'added' | 'changed' | 'removed';
}

type Target = Pick<SecurityContextConstraints, 'volumes' | 'runAsUser' | 'seccompProfiles'> | null;

interface Scope {
  readonly target: Target;
  readonly found: Extra[];
  /** The volumes of the template as it would be, by name. */
  readonly volumes: ReadonlyMap<string, unknown>;
  /** Volumes that the target forbids, so that they and their mounts have to go. */
  readonly withdrawn: ReadonlySet<string>;
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function add({ found }: Scope, kind: ExtraKind, { field, before, after }: Difference): void {
  const change = isUnset(before) ? 'added' : isUnset(after) ? 'removed' : 'changed';
  found.push({ field, kind, change });
}

/** Every member of two objects that differs. */
function members(before: unknown, after: unknown, pathOf: (key: string) => string): (Difference & { key: string })[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((key) => !isSame(old[key], now[key]) && !(isUnset(old[key]) && isUnset(now[key])))
    .map((key) => ({ key, field: pathOf(key), before: old[key], after: now[key] }));
}

function metadata(scope: Scope, before: unknown, after: unknown): void {
  for (const member of members(before, after, (key) => `metadata.${key}`)) {
    if (member.key !== 'labels' && member.key !== 'annotations') {
      add(scope, 'metadata', member);
      continue;
    }
    for (const entry of members(member.before, member.after, (key) => `${member.field}[${key}]`))
      if (member.key === 'labels' || !isNeededAnnotation(entry)) add(scope, 'metadata', entry);
  }
}

/** The pin to the target, and seccomp profiles in the annotations that preceded their field, once they go. */
const isNeededAnnotation = ({ key, after }: Difference & { key: string }): boolean =>
  key === REQUIRED_SCC_ANNOTATION ||
  ((key === SECCOMP_POD_ANNOTATION || key.startsWith(SECCOMP_CONTAINER_ANNOTATION_PREFIX)) && after === undefined);

function securityContext(scope: Scope, at: string, before: unknown, after: unknown): void {
  for (const member of members(before, after, (key) => `${at}.${key}`)) {
    const givesMore = SECURITY_FIELDS.get(member.key);
    if (!givesMore) add(scope, 'other', member);
    else if (givesMore(member.before, member.after, scope.target)) add(scope, 'privilege', member);
  }
}

/** Flags of a pod, each with the value that gives nothing. */
const FLAGS: ReadonlyMap<string, { kind: ExtraKind; isHarmless: (after: unknown) => boolean }> = new Map([
  ['hostNetwork', { kind: 'host', isHarmless: (after) => after !== true }],
  ['hostPID', { kind: 'host', isHarmless: (after) => after !== true }],
  ['hostIPC', { kind: 'host', isHarmless: (after) => after !== true }],
  ['hostUsers', { kind: 'host', isHarmless: (after) => after === false }],
  ['shareProcessNamespace', { kind: 'privilege', isHarmless: (after) => after !== true }],
]);
const ACCOUNT_FIELDS: ReadonlySet<string> = new Set([
  'serviceAccountName',
  'serviceAccount',
  'automountServiceAccountToken',
]);
const CONTAINER_LISTS: ReadonlySet<string> = new Set(['containers', 'initContainers', 'ephemeralContainers']);

function podSpec(scope: Scope, before: unknown, after: unknown): void {
  for (const member of members(before, after, (key) => `spec.${key}`)) {
    const { key } = member;
    const flag = FLAGS.get(key);
    if (CONTAINER_LISTS.has(key)) containers(scope, member);
    else if (key === 'volumes') volumes(scope, member);
    else if (key === 'securityContext') securityContext(scope, member.field, member.before, member.after);
    else if (flag) {
      if (!flag.isHarmless(member.after)) add(scope, flag.kind, member);
    } else if (ACCOUNT_FIELDS.has(key)) add(scope, 'serviceAccount', member);
    else if (key === 'imagePullSecrets') add(scope, 'secret', member);
    else add(scope, 'other', member);
  }
}

function items(scope: Scope, { field, before, after }: Difference, key: (item: unknown) => string) {
  const { entries, isReordered } = keyed(before, after, key);
  if (isReordered) scope.found.push({ field, kind: 'other', change: 'changed' });
  return entries
    .filter((entry) => !isSame(entry.before, entry.after))
    .map(({ name, ...values }) => ({ ...values, name, field: `${field}[${name}]` }));
}

const textOf = (item: unknown, key: string): string => {
  const value = fieldsOf(item)[key];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
};
const nameOf = (item: unknown): string => textOf(item, 'name');

/** Sources of a projected volume by which a pod shows that it is its ServiceAccount's. */
const OF_THE_ACCOUNT: ReadonlySet<string> = new Set(['serviceAccountToken', 'podCertificate']);

/** The files that a volume, or one source of a projected one, shows to the containers that mount it. */
function kindOfVolume(volume: unknown): ExtraKind | null {
  if (!isRecord(volume)) return 'volume';
  const type = volumeType({ ...volume, name: nameOf(volume) });
  if (type === 'hostPath') return 'host';
  if (type === 'secret' || type === 'configMap') return type;
  if (type === 'projected') {
    const sources = listOf(fieldsOf(volume['projected'])['sources']).flatMap((source) => Object.keys(fieldsOf(source)));
    if (sources.includes('secret')) return 'secret';
    return sources.some((source) => OF_THE_ACCOUNT.has(source)) ? 'serviceAccount' : 'configMap';
  }
  return type === 'emptyDir' ? null : 'volume';
}

/** The target does not permit the volume's type, so that no pod under it can have it. */
function isForbidden(volume: unknown, target: Target): boolean {
  if (!target || !isRecord(volume)) return false;
  const type = volumeType({ ...volume, name: nameOf(volume) });
  const permitted = target.volumes ?? [];
  return type !== undefined && !permitted.includes('*') && !permitted.includes(type);
}

function volumes(scope: Scope, member: Difference): void {
  for (const volume of items(scope, member, nameOf)) {
    const gained = volume.after === undefined ? null : kindOfVolume(volume.after);
    if (gained !== null) add(scope, gained, volume);
    else if (volume.before !== undefined && !scope.withdrawn.has(volume.name))
      add(scope, kindOfVolume(volume.before) ?? 'volume', volume);
  }
}

/** Where Kubernetes mounts the token of a pod, unless something else is mounted there. */
const TOKEN_PLACE = '/run/secrets/kubernetes.io/serviceaccount';
const HARMLESS_PROPAGATION: readonly unknown[] = [undefined, null, 'None'];

/** The place of a mount in its container, however its path is written: two that differ in a slash are one. */
function placeOf(mount: unknown): string {
  const parts: string[] = [];
  for (const part of textOf(mount, 'mountPath').split('/'))
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  // Images link the one to the other.
  return `/${parts.join('/')}`.replace(/^\/var\/run(?=\/|$)/, '/run');
}

const isWithin = (place: string, outer: string): boolean => place === outer || place.startsWith(`${outer}/`);

function mounts(scope: Scope, member: Difference): void {
  const pathOf = (item: unknown): string => textOf(item, 'mountPath');
  const taken = listOf(member.before)
    .filter((mount) => !scope.withdrawn.has(nameOf(mount)))
    .map(placeOf);
  for (const mount of items(scope, member, pathOf)) {
    if (mount.after === undefined) {
      const name = nameOf(mount.before);
      if (!scope.withdrawn.has(name)) add(scope, 'volume', mount);
      continue;
    }
    const kind = kindOfVolume(scope.volumes.get(nameOf(mount.after)));
    const harmless = HARMLESS_PROPAGATION.includes(fieldsOf(mount.after)['mountPropagation']);
    if (!harmless) add(scope, 'host', mount);
    else if (kind !== null) add(scope, kind, mount);
    else if (mount.before !== undefined) {
      if (!scope.withdrawn.has(nameOf(mount.before))) add(scope, 'volume', mount);
      // Memory or disk of the pod's own may come where nothing was mounted, and hides there what was.
    } else if (isWithin(placeOf(mount.after), TOKEN_PLACE)) add(scope, 'serviceAccount', mount);
    else if (taken.some((outer) => isWithin(placeOf(mount.after), outer))) add(scope, 'volume', mount);
  }
}

/** Ports of the node may be given back; every other change of a port is not needed. */
function ports(scope: Scope, member: Difference): void {
  const keyOf = (item: unknown): string => `${textOf(item, 'containerPort')}/${textOf(item, 'protocol') || 'TCP'}`;
  for (const port of items(scope, member, keyOf)) {
    const changed = members(port.before, port.after, (key) => `${port.field}.${key}`);
    const [host, rest] = [
      changed.filter(({ key }) => key === 'hostPort' || key === 'hostIP'),
      changed.filter(({ key }) => key !== 'hostPort' && key !== 'hostIP'),
    ];
    for (const one of host) if (!isUnset(one.after) && one.after !== 0) add(scope, 'host', one);
    if (rest.length > 0) add(scope, 'other', port);
  }
}

const readsSecret = (entry: unknown): boolean =>
  'secretKeyRef' in fieldsOf(fieldsOf(entry)['valueFrom']) || 'secretRef' in fieldsOf(entry);

function environment(scope: Scope, member: Difference): void {
  for (const entry of items(scope, member, nameOf))
    add(scope, readsSecret(entry.after) ? 'secret' : 'environment', entry);
}

/** `envFrom` is a list without a key: its items are told apart by their place. */
function environmentSources(scope: Scope, member: Difference): void {
  const places = Math.max(listOf(member.before).length, listOf(member.after).length);
  for (let at = 0; at < places; at++) {
    const [before, after] = [listOf(member.before)[at], listOf(member.after)[at]];
    if (isSame(before, after)) continue;
    add(scope, readsSecret(after) ? 'secret' : 'environment', { field: `${member.field}[${at}]`, before, after });
  }
}

const CONTAINER_KINDS: ReadonlyMap<string, ExtraKind> = new Map([
  ['image', 'image'],
  ['imagePullPolicy', 'image'],
  ['command', 'command'],
  ['args', 'command'],
  ['workingDir', 'command'],
  ['livenessProbe', 'probe'],
  ['readinessProbe', 'probe'],
  ['startupProbe', 'probe'],
  ['lifecycle', 'lifecycle'],
  ['volumeDevices', 'volume'],
]);

const CONTAINER_MEMBERS: ReadonlyMap<string, (scope: Scope, member: Difference) => void> = new Map([
  ['env', environment],
  ['envFrom', environmentSources],
  ['volumeMounts', mounts],
  ['ports', ports],
  ['securityContext', (scope, { field, before, after }) => securityContext(scope, field, before, after)],
]);

function containers(scope: Scope, list: Difference): void {
  for (const container of items(scope, list, nameOf)) {
    if (container.before === undefined || container.after === undefined) {
      add(scope, 'container', container);
      continue;
    }
    for (const member of members(container.before, container.after, (key) => `${container.field}.${key}`)) {
      const judge = CONTAINER_MEMBERS.get(member.key);
      if (judge) judge(scope, member);
      else add(scope, CONTAINER_KINDS.get(member.key) ?? 'other', member);
    }
  }
}

/**
 * What a changed pod template changes beyond what its target SCC needs, field by field. Needed are the pin to the
 * target, a security context that permits less, the loss of host access and of volumes that the target forbids, and
 * empty directories; everything else is named, unknown fields included. Both templates are as the API server holds
 * them, so that it does not matter by which kind of patch a change was made. A target that is not known forbids nothing.
 */
export function extrasOf(before: unknown, after: unknown, target: Target): Extra[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  const volumesOf = (template: Readonly<Record<string, unknown>>): Map<string, unknown> =>
    new Map(listOf(fieldsOf(template['spec'])['volumes']).map((volume) => [nameOf(volume), volume]));
  const withdrawn = [...volumesOf(old)].filter(([, volume]) => isForbidden(volume, target)).map(([name]) => name);
  const scope: Scope = { target, found: [], volumes: volumesOf(now), withdrawn: new Set(withdrawn) };
  for (const member of members(old, now, (key) => key)) {
    if (member.key === 'metadata') metadata(scope, member.before, member.after);
    else if (member.key === 'spec') podSpec(scope, member.before, member.after);
    else add(scope, 'other', member);
  }
  return scope.found;
}
