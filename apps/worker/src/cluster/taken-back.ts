import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '@scc/plan';
import { namedAccount, REQUIRED_SCC_ANNOTATION } from '@scc/scc';

/**
 * What other writers made of a pod template on its way: webhooks that set defaults, inject, or add again what was taken
 * away. Only fields that decide what the pods may do are compared.
 */

type Leaves = ReadonlyMap<string, unknown>;

const HOST_FIELDS = ['hostNetwork', 'hostPID', 'hostIPC'];

function* leavesOf(at: string, value: unknown): Generator<[string, unknown]> {
  if (isRecord(value)) for (const [key, item] of Object.entries(value)) yield* leavesOf(`${at}.${key}`, item);
  else if (value !== undefined && value !== null) yield [at, value];
}

function* securityOf(template: unknown): Generator<[string, unknown]> {
  if (!isRecord(template)) return;
  const { metadata, spec } = template;
  const annotations = isRecord(metadata) ? metadata['annotations'] : undefined;
  const pin = isRecord(annotations) ? annotations[REQUIRED_SCC_ANNOTATION] : undefined;
  yield* leavesOf(`metadata.annotations[${REQUIRED_SCC_ANNOTATION}]`, pin);
  if (!isRecord(spec)) return;
  // The API server writes each of the two fields into the other.
  yield* leavesOf('spec.serviceAccountName', namedAccount(spec));
  for (const field of HOST_FIELDS) yield* leavesOf(`spec.${field}`, spec[field]);
  yield* leavesOf('spec.securityContext', spec['securityContext']);
  for (const list of ['initContainers', 'containers']) {
    const containers: unknown[] = Array.isArray(spec[list]) ? spec[list] : [];
    for (const container of containers.filter(isRecord))
      yield* leavesOf(`spec.${list}[${String(container['name'])}].securityContext`, container['securityContext']);
  }
}

const security = (template: unknown): Leaves => new Map(securityOf(template));
const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/**
 * Fields of a template that are not stored as they were written, in words: those that are set, and those that it had
 * `before` and has no more.
 */
export function changedInStore({ before, wanted, stored }: Record<'before' | 'wanted' | 'stored', unknown>): string[] {
  const [was, is, found] = [security(before), security(wanted), security(stored)];
  return [...new Set([...is.keys(), ...was.keys()])]
    .filter((field) => !isDeepStrictEqual(found.get(field), is.get(field)))
    .map((field) => `${field} is ${shown(found.get(field))} instead of ${shown(is.get(field))}`);
}

/** Whether a value holds another: admission by an SCC adds to lists, such as that of dropped capabilities. */
const holds = (value: unknown, wanted: unknown): boolean =>
  Array.isArray(value) && Array.isArray(wanted)
    ? wanted.every((item) => value.some((one) => isDeepStrictEqual(one, item)))
    : isDeepStrictEqual(value, wanted);

const isPrivilege = (field: string): boolean =>
  field.endsWith('.securityContext.privileged') || HOST_FIELDS.some((name) => field === `spec.${name}`);

/**
 * Fields of a template that an admitted pod of it does not have, and privileges that it has beyond it, in words. What an
 * SCC gives where a template says nothing is no change; containers that were injected are judged by the SCC.
 */
export function changedInPod(template: unknown, pod: unknown): string[] {
  const [wanted, found] = [security(template), security(pod)];
  const lost = [...wanted].filter(([field, value]) => !holds(found.get(field), value)).map(([field]) => field);
  const own = containersOf(template);
  const added = [...found]
    .filter(([field, value]) => value === true && isPrivilege(field) && wanted.get(field) !== true)
    .map(([field]) => field)
    .filter((field) => !field.includes('[') || own.some((container) => field.startsWith(container)));
  return [...new Set([...lost, ...added])].map(
    (field) => `${field} is ${shown(found.get(field))} instead of ${shown(wanted.get(field))}`,
  );
}

/** The template's own containers, as fields begin that are of one. */
function containersOf(template: unknown): string[] {
  const spec = isRecord(template) ? template['spec'] : undefined;
  return ['initContainers', 'containers'].flatMap((list) => {
    const containers: unknown[] = isRecord(spec) && Array.isArray(spec[list]) ? spec[list] : [];
    return containers.filter(isRecord).map(({ name }) => `spec.${list}[${String(name)}]`);
  });
}
