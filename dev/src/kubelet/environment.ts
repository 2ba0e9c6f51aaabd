import type { KubeletContainer, KubeletPod } from './pod-schema.js';
import { fieldOf, MissingReference, type PodPlace, type References } from './references.js';

/** Pods share the network of the stack: one that would listen everywhere listens at its own address. */
const EVERYWHERE = '0.0.0.0';

interface Context {
  pod: KubeletPod;
  place: PodPlace;
  references: References;
}
type Kind = 'secret' | 'configMap';
type Variable = KubeletContainer['env'][number];

async function allOf(
  { references }: Context,
  kind: Kind,
  { name, optional }: { name: string; optional: boolean },
): Promise<Record<string, Buffer>> {
  const data = await references[kind](name);
  if (data === undefined && !optional) throw new MissingReference(`${kind} ${name} was not found`);
  return data ?? {};
}

async function oneOf(
  context: Context,
  kind: Kind,
  reference: { name: string; key: string; optional: boolean },
): Promise<string | undefined> {
  const value = (await allOf(context, kind, reference))[reference.key];
  if (value === undefined && !reference.optional)
    throw new MissingReference(`${kind} ${reference.name} has no key ${reference.key}`);
  return value?.toString('utf8');
}

async function sourced(
  context: Context,
  name: string,
  { fieldRef, secretKeyRef, configMapKeyRef }: NonNullable<Variable['valueFrom']>,
): Promise<string | undefined> {
  if (fieldRef) return fieldOf(context.pod, context.place, fieldRef.fieldPath);
  if (secretKeyRef) return oneOf(context, 'secret', secretKeyRef);
  if (configMapKeyRef) return oneOf(context, 'configMap', configMapKeyRef);
  throw new Error(`env ${name}: its source is not known to the nodes of the local stack`);
}

/**
 * The environment of a container: what `envFrom` and `env` give, in their order, with `$(NAME)` replaced.
 * @throws MissingReference when something that it refers to is not there
 */
export async function environmentOf(context: Context, container: KubeletContainer): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { prefix, secretRef, configMapRef } of container.envFrom) {
    const data = {
      ...(configMapRef && (await allOf(context, 'configMap', configMapRef))),
      ...(secretRef && (await allOf(context, 'secret', secretRef))),
    };
    for (const [key, value] of Object.entries(data)) found[`${prefix}${key}`] = value.toString('utf8');
  }
  for (const { name, value = '', valueFrom } of container.env) {
    const resolved = valueFrom ? await sourced(context, name, valueFrom) : expanded(value, found);
    if (resolved !== undefined) found[name] = resolved === EVERYWHERE ? context.place.ip : resolved;
  }
  return found;
}

/** Replaces `$(NAME)` by what is known; `$$` stands for a dollar sign, and unknown names stay as they are. */
export const expanded = (text: string, known: Record<string, string>): string =>
  text.replace(/\$\$|\$\(([A-Za-z_][\w.-]*)\)/g, (whole, name?: string) =>
    name === undefined ? '$' : (known[name] ?? whole),
  );
