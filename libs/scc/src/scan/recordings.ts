import { z } from 'zod';
import type { PodTemplate } from '../model/pod.js';
import { type ClusterObject, groupOf } from './objects.js';
import type { SeenNeed } from './report.js';

/** What the Security Profiles Operator recorded of containers, where it is installed. Its profiles are only read. */
const GROUP = 'security-profiles-operator.x-k8s.io';
const LABEL = {
  recording: 'spo.x-k8s.io/recording-id',
  namespace: 'spo.x-k8s.io/recording-namespace',
  container: 'spo.x-k8s.io/container-id',
  partial: 'spo.x-k8s.io/partial',
};
const RECORDING = 'ProfileRecording';

/** Each in the versions that it was served in; a cluster that serves two of them lists the same objects twice. */
export const RECORDING_KINDS: readonly { readonly apiVersion: string; readonly kind: string }[] = [
  ...['v1', 'v1alpha1'].map((version) => [version, RECORDING] as const),
  ...['v1', 'v1beta1'].map((version) => [version, 'SeccompProfile'] as const),
  ...['v1', 'v1alpha2'].map((version) => [version, 'SelinuxProfile'] as const),
  ...['v1', 'v1alpha1'].map((version) => [version, 'AppArmorProfile'] as const),
].map(([version, kind]) => ({ apiVersion: `${GROUP}/${version}`, kind }));
const KINDS: ReadonlySet<string> = new Set(RECORDING_KINDS.map(({ kind }) => kind));

const selectorSchema = z.object({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).nullish() }))
    .nullish(),
});
type Selector = z.infer<typeof selectorSchema>;
const recordingSchema = z.looseObject({
  spec: z.looseObject({ podSelector: selectorSchema, containers: z.array(z.string()).nullish() }),
});
const seccompSchema = z.looseObject({
  spec: z.looseObject({
    syscalls: z.array(z.looseObject({ action: z.string(), names: z.array(z.string()) })).nullish(),
  }),
});
const selinuxSchema = z.looseObject({ spec: z.looseObject({ allow: z.record(z.string(), z.unknown()).nullish() }) });
const appArmorSchema = z.looseObject({
  spec: z.looseObject({
    abstract: z
      .looseObject({ capability: z.looseObject({ allowedCapabilities: z.array(z.string()).nullish() }).nullish() })
      .nullish(),
  }),
});

/** Whether an object is a recording, or a profile that came of one. */
export const isRecorded = ({ apiVersion, kind, metadata }: ClusterObject): boolean =>
  groupOf(apiVersion) === GROUP &&
  KINDS.has(kind) &&
  (kind === RECORDING || metadata.labels?.[LABEL.recording] !== undefined);

type Saw = Pick<Extract<SeenNeed, { source: 'recording' }>, 'calls' | 'types' | 'capabilities'>;
const NOTHING: Saw = { calls: null, types: [], capabilities: [] };
/** Own class of a container; every one has it. */
const SELF = '@self';

function sawIn(object: ClusterObject): Saw {
  if (object.kind === 'SeccompProfile') {
    const allowed = (seccompSchema.safeParse(object).data?.spec.syscalls ?? []).filter(
      ({ action }) => action === 'SCMP_ACT_ALLOW',
    );
    return { ...NOTHING, calls: new Set(allowed.flatMap(({ names }) => names)).size };
  }
  if (object.kind === 'SelinuxProfile') {
    const types = Object.keys(selinuxSchema.safeParse(object).data?.spec.allow ?? {});
    return { ...NOTHING, types: types.filter((type) => type !== SELF).sort() };
  }
  const allowed = appArmorSchema.safeParse(object).data?.spec.abstract?.capability?.allowedCapabilities ?? [];
  return { ...NOTHING, capabilities: [...new Set(allowed.map((name) => name.toUpperCase()))].sort() };
}

/** A profile without the files and processes that it names. */
export function withoutFiles(object: ClusterObject): ClusterObject {
  if (object.kind !== 'AppArmorProfile') return object;
  const { apiVersion, kind, metadata } = object;
  const allowedCapabilities = sawIn(object).capabilities;
  return { apiVersion, kind, metadata, spec: { abstract: { capability: { allowedCapabilities } } } };
}

function selects({ matchLabels, matchExpressions }: Selector, labels: Readonly<Record<string, string>>): boolean {
  return (
    Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (matchExpressions ?? []).every(({ key, operator, values }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isIn = value !== undefined && (values ?? []).includes(value);
      return operator === 'In' ? isIn : operator === 'NotIn' && !isIn;
    })
  );
}

interface Recorded {
  readonly namespace: string;
  readonly recording: string;
  readonly name: string;
  readonly seen: Extract<SeenNeed, { source: 'recording' }>;
}

function recordedIn(object: ClusterObject, fallback: string): Recorded {
  const { name, namespace, labels } = object.metadata;
  const recording = labels?.[LABEL.recording] ?? '';
  const merged = name.startsWith(`${recording}-`) ? name.slice(recording.length + 1) : '';
  return {
    namespace: labels?.[LABEL.namespace] ?? namespace ?? fallback,
    ...{ recording, name },
    seen: {
      source: 'recording',
      container: labels?.[LABEL.container] ?? merged,
      profile: `${object.kind} ${name}`,
      recording,
      partial: labels?.[LABEL.partial] !== undefined,
      ...sawIn(object),
    },
  };
}

/** Whether a template runs one of its containers under a profile. */
function isNamedBy({ spec }: PodTemplate, { name, seen }: Recorded): boolean {
  const own = spec.containers.find((container) => container.name === seen.container)?.securityContext;
  const given = own?.seccompProfile ?? spec.securityContext?.seccompProfile;
  return seen.profile.startsWith('SeccompProfile') && (given?.localhostProfile ?? '').endsWith(`/${name}.json`);
}

/** What recordings show of a workload. */
export type Recordings = (workload: { namespace: string; template: PodTemplate }) => SeenNeed[];

/**
 * The profiles of recordings, by the workloads whose pods the recording selects; where it is gone, by those that run
 * under the profile.
 */
export function recordingsIn(objects: readonly ClusterObject[], fallback: string): Recordings {
  const own = objects.filter(isRecorded);
  const selectors = new Map(
    own
      .filter(({ kind }) => kind === RECORDING)
      .flatMap((object) => {
        const selector = recordingSchema.safeParse(object).data?.spec.podSelector;
        const { name, namespace } = object.metadata;
        return selector ? [[`${namespace ?? fallback}/${name}`, selector] as const] : [];
      }),
  );
  const profiles = new Map(
    own
      .filter(({ kind }) => kind !== RECORDING)
      .map((object) => recordedIn(object, fallback))
      .map((one) => [`${one.namespace}/${one.seen.profile}`, one] as const),
  );
  const byNamespace = Map.groupBy(profiles.values(), ({ namespace }) => namespace);
  return ({ namespace, template }) =>
    (byNamespace.get(namespace) ?? []).flatMap((recorded) => {
      const selector = selectors.get(`${namespace}/${recorded.recording}`);
      const isOf = selector ? selects(selector, template.metadata?.labels ?? {}) : isNamedBy(template, recorded);
      const has = template.spec.containers.some(({ name }) => name === recorded.seen.container);
      return isOf && has ? [recorded.seen] : [];
    });
}
