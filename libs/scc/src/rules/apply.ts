import type { Changes, ContainerChange } from './evaluate.js';
import { SECCOMP_POD_ANNOTATION } from '../model/names.js';
import { CONTAINER_LISTS, type Container, type Pod, type PodSpec } from '../model/pod.js';

function merged(current: object | null | undefined, writes: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...current };
  for (const [key, value] of Object.entries(writes)) {
    if (value === undefined) Reflect.deleteProperty(result, key);
    else result[key] = value;
  }
  return result;
}

function changedContainers(containers: readonly Container[], changes: readonly ContainerChange[]): Container[] {
  const copy = [...containers];
  for (const { index, writes } of changes) {
    const container = containers[index];
    if (container) copy[index] = { ...container, securityContext: merged(container.securityContext, writes) };
  }
  return copy;
}

function changedSpec(spec: PodSpec, { pod, containers }: Changes): PodSpec {
  const copy: PodSpec = { ...spec };
  if (pod) copy.securityContext = merged(spec.securityContext, pod.securityContext);
  for (const list of CONTAINER_LISTS) {
    const ofList = containers.filter((change) => change.list === list);
    if (ofList.length > 0) copy[list] = changedContainers(spec[list] ?? [], ofList);
  }
  return copy;
}

/** True when a pod already is as the SCC's defaulting would make it, ephemeral containers aside if told so. */
export const isUnchanged = ({ pod, containers }: Changes, besidesEphemeral = false): boolean =>
  !pod && (besidesEphemeral ? containers.every(({ list }) => list === 'ephemeralContainers') : containers.length === 0);

/** A pod with the changes made; what is not changed is shared with the original, which stays as it was. */
export function applyChanges(pod: Pod, changes: Changes, annotations: Readonly<Record<string, string>>): Pod {
  const seccomp = changes.pod?.seccompAnnotation;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: {
        ...pod.metadata.annotations,
        ...(seccomp !== undefined && { [SECCOMP_POD_ANNOTATION]: seccomp }),
        ...annotations,
      },
    },
    spec: isUnchanged(changes) ? pod.spec : changedSpec(pod.spec, changes),
  };
}

/** Paths of the fields that the changes write. */
export function changedFields({ pod, containers }: Changes): string[] {
  const fields = Object.keys(pod?.securityContext ?? {}).map((key) => `spec.securityContext.${key}`);
  if (pod?.seccompAnnotation !== undefined) fields.push(`metadata.annotations[${SECCOMP_POD_ANNOTATION}]`);
  for (const { list, index, writes } of containers)
    for (const key of Object.keys(writes)) fields.push(`spec.${list}[${index}].securityContext.${key}`);
  return fields;
}
