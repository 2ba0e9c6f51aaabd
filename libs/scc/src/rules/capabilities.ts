import { clip } from './findings.js';
import { type ContainerScope, containerViolation, writeContainer } from './scope.js';

/** Names are compared literally: no case folding, no stripping of CAP_, and ALL does not cover other names. */
const NONE: readonly string[] = [];

export interface EffectiveCapabilities {
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

const NOTHING: EffectiveCapabilities = { add: NONE, drop: NONE };

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])];

function requested({ context: { capabilities } }: ContainerScope): EffectiveCapabilities | undefined {
  return capabilities ? { add: capabilities.add ?? NONE, drop: capabilities.drop ?? NONE } : undefined;
}

function writeEffective(scope: ContainerScope, effective: EffectiveCapabilities): EffectiveCapabilities {
  const { add, drop } = effective;
  const known = { add: add.length > 0 ? [...add] : undefined, drop: drop.length > 0 ? [...drop] : undefined };
  // What no type of ours knows stays beside them.
  writeContainer(scope, 'capabilities', { ...scope.context.capabilities, ...known });
  return effective;
}

/** The container's capabilities after defaulting, or undefined when neither the author nor the SCC sets any. */
function defaulted(scope: ContainerScope): EffectiveCapabilities | undefined {
  const { defaultAdd, requiredDrop, defaultCapabilities } = scope.pod.scc;
  const own = requested(scope);
  if (defaultAdd.length === 0 && requiredDrop.length === 0) return own;
  const { add: ownAdd, drop: ownDrop } = own ?? NOTHING;
  if (ownAdd.length === 0 && ownDrop.length === 0) return writeEffective(scope, defaultCapabilities);
  const hasAll =
    defaultAdd.every((name) => ownDrop.includes(name) || ownAdd.includes(name)) &&
    requiredDrop.every((name) => ownDrop.includes(name));
  if (hasAll) return own;
  const add = union(
    defaultAdd.filter((name) => !ownDrop.includes(name)),
    ownAdd,
  );
  const drop = union(requiredDrop, ownDrop);
  add.sort();
  drop.sort();
  return writeEffective(scope, { add, drop });
}

function validateSet(scope: ContainerScope, { add, drop }: EffectiveCapabilities): void {
  const { addable, requiredDrop, bounds } = scope.pod.scc;
  for (const name of add)
    if (!addable.has(name))
      containerViolation(scope, {
        rule: 'capabilities',
        child: 'capabilities.add',
        value: name,
        bound: bounds.addable,
        remedy: `remove ${clip(name)} from capabilities.add`,
        detail: 'capability may not be added',
      });
  for (const name of requiredDrop)
    if (!drop.includes(name))
      containerViolation(scope, {
        rule: 'capabilities',
        child: 'capabilities.drop',
        value: drop,
        bound: requiredDrop.join(','),
        remedy: `add ${name} to capabilities.drop`,
        detail: `${name} is required to be dropped but was not found`,
      });
}

export function applyCapabilities(scope: ContainerScope): EffectiveCapabilities | undefined {
  const { scc } = scope.pod;
  const effective = defaulted(scope);
  if (!effective) {
    if (scc.defaultAdd.length > 0 || scc.requiredDrop.length > 0)
      containerViolation(scope, {
        rule: 'capabilities',
        child: 'capabilities',
        value: undefined,
        bound: `drop ${scc.requiredDrop.join(',')}`,
        remedy: 'set the required capabilities',
        detail: 'required capabilities are not set on the securityContext',
      });
    return undefined;
  }
  if (!scc.anyCapability) validateSet(scope, effective);
  return effective;
}
