import { isRecord } from '@scc/plan/words';
import type { PodTemplate } from '../model/pod.js';
import { podTemplateSchema } from '../model/pod.js';

/** A strategic-merge patch of a pod template: null removes a field, named lists merge by their key. */
export type TemplatePatch = Readonly<Record<string, unknown>>;

type Fields = Record<string, unknown>;
/** Lists of the pod template that Kubernetes merges by a key; every other list is replaced as a whole. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  imagePullSecrets: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  ports: 'containerPort',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  resourceClaims: 'name',
};

function mergeList(current: readonly unknown[], patch: readonly unknown[], key: string): unknown[] {
  const result = [...current];
  const places = placesBy(key, result);
  const deleted = new Set<number>();
  for (const item of patch) {
    if (!isRecord(item)) throw new TypeError(`an item of a list that is merged by ${key} must be an object`);
    const { directive, fields } = partsOf(item);
    const [at] = places.get(fields[key]) ?? [];
    const existing = at === undefined ? undefined : result[at];
    if (directive === 'delete') {
      if (at !== undefined) deleted.add(at);
      places.get(fields[key])?.shift();
    } else if (at === undefined) places.set(fields[key], [result.push(mergeFields({}, fields)) - 1]);
    else result[at] = directive === 'replace' || !isRecord(existing) ? fields : mergeFields(existing, fields);
  }
  return result.filter((_item, at) => !deleted.has(at));
}

const DIRECTIVES: readonly unknown[] = [undefined, 'merge', 'replace', 'delete'];

/** The directive of an object in a patch, and its fields. Other directives than `$patch` are not known. */
function partsOf(patch: Fields): { directive: unknown; fields: Fields } {
  const { $patch: directive, ...fields } = patch;
  if (!DIRECTIVES.includes(directive)) throw new TypeError(`$patch: ${JSON.stringify(directive)} is no directive`);
  const unknown = Object.keys(fields).find((key) => key.startsWith('$'));
  if (Object.hasOwn(fields, '__proto__')) throw new TypeError('the field __proto__ is none of a pod template');
  if (unknown !== undefined)
    throw new TypeError(`the directive ${unknown} is not supported; of directives, only $patch is`);
  return { directive, fields };
}

/** Where the items with each value of the key stand. */
function placesBy(key: string, list: readonly unknown[]): Map<unknown, number[]> {
  const places = new Map<unknown, number[]>();
  for (const [at, item] of list.entries()) {
    if (!isRecord(item)) continue;
    const same = places.get(item[key]);
    if (same) same.push(at);
    else places.set(item[key], [at]);
  }
  return places;
}

function mergeValue(key: string, current: unknown, patch: unknown): unknown {
  const mergeKey = MERGE_KEYS[key];
  if (Array.isArray(patch))
    return mergeKey === undefined ? patch : mergeList(Array.isArray(current) ? current : [], patch, mergeKey);
  return isRecord(patch) ? mergeFields(isRecord(current) ? current : {}, patch) : patch;
}

function mergeFields(current: Fields, patch: Fields): Fields {
  const { directive, fields } = partsOf(patch);
  if (directive === 'delete') return {};
  const result: Fields = directive === 'replace' ? {} : { ...current };
  for (const [key, value] of Object.entries(fields)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = mergeValue(key, result[key], value);
  }
  return result;
}

/**
 * Applies a strategic-merge patch to a pod template as the API server would; the template is not changed.
 *
 * @throws ZodError when the result is no pod template, TypeError for a malformed list or an unknown directive in the
 * patch.
 */
export const applyTemplatePatch = (template: PodTemplate, patch: TemplatePatch): PodTemplate =>
  podTemplateSchema.parse(mergeFields(template, patch));

/** A patch that makes both changes, the second on top of the first. */
export const mergePatches = (first: TemplatePatch, second: TemplatePatch): TemplatePatch => combine(first, second);

/** Like merging fields, but a removal stays in the patch instead of being carried out. */
function combine(current: Fields, patch: Fields): Fields {
  const result: Fields = { ...current };
  for (const [key, value] of Object.entries(patch)) result[key] = combineValue(key, result[key], value);
  return result;
}

function combineValue(key: string, current: unknown, patch: unknown): unknown {
  const mergeKey = MERGE_KEYS[key];
  if (isRecord(patch) && isRecord(current)) return combine(current, patch);
  if (!Array.isArray(patch) || !Array.isArray(current) || mergeKey === undefined) return patch;
  const result: unknown[] = [...(current as unknown[])];
  for (const item of patch as unknown[]) {
    const at = result.findIndex((other) => isRecord(other) && isRecord(item) && other[mergeKey] === item[mergeKey]);
    const existing = at < 0 ? undefined : result[at];
    if (isRecord(existing) && isRecord(item)) result[at] = combine(existing, item);
    else result.push(item);
  }
  return result;
}

/** One patch that makes many small changes in turn. It takes time in proportion to their size. */
export function joinPatches(patches: readonly TemplatePatch[]): TemplatePatch {
  const places = new Map<unknown[], Map<unknown, number>>();
  const joinValue = (key: string, current: unknown, patch: unknown): unknown => {
    const mergeKey = MERGE_KEYS[key];
    if (isRecord(patch)) return joinFields(isRecord(current) ? current : {}, patch);
    if (!Array.isArray(patch) || mergeKey === undefined) return patch;
    const list: unknown[] = Array.isArray(current) ? current : [];
    const known = places.get(list) ?? new Map<unknown, number>();
    places.set(list, known);
    for (const item of patch as unknown[]) {
      const name = isRecord(item) ? item[mergeKey] : undefined;
      const at = known.get(name) ?? list.length;
      known.set(name, at);
      list[at] = joinValue('', list[at], item);
    }
    return list;
  };
  const joinFields = (target: Fields, patch: Fields): Fields => {
    for (const [key, value] of Object.entries(patch)) target[key] = joinValue(key, target[key], value);
    return target;
  };
  return patches.reduce<Fields>(joinFields, {});
}
