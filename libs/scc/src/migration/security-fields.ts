import { isRecord } from '@scc/plan/words';
import type { SecurityContextConstraints } from '../model/scc.js';
import { isUnset } from './differences.js';

type Target = Pick<SecurityContextConstraints, 'runAsUser' | 'seccompProfiles'> | null;

/** Whether a field of a security context permits more than before, without the target asking for it. */
export type GivesMore = (before: unknown, after: unknown, target: Target) => boolean;

const setTrue: GivesMore = (_before, after) => after === true;
const setAtAll: GivesMore = (_before, after) => !isUnset(after);
const never: GivesMore = () => false;
/** A restriction that was there is gone. */
const lifted: GivesMore = (before, after) => before === true && after !== true;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const capabilitiesOf = (value: unknown, key: 'add' | 'drop'): ReadonlySet<string> =>
  new Set(
    listOf(isRecord(value) ? value[key] : undefined).map((name) => String(name).toUpperCase().replace(/^CAP_/, '')),
  );

const capabilities: GivesMore = (before, after) => {
  const [had, has] = [capabilitiesOf(before, 'add'), capabilitiesOf(after, 'add')];
  const [dropped, drops] = [capabilitiesOf(before, 'drop'), capabilitiesOf(after, 'drop')];
  const keeps = [...dropped].some((name) => !drops.has(name) && !drops.has('ALL'));
  return keeps || [...has].some((name) => !had.has(name) && !had.has('ALL'));
};

/** Root, unless the target asks for it; and, where the target names no user, the image's own, which may be root. */
const runAsUser: GivesMore = (_before, after, target) => {
  const strategy = target?.runAsUser;
  if (isUnset(after)) return (strategy?.type ?? 'RunAsAny') === 'RunAsAny';
  return after === 0 && !(strategy?.type === 'MustRunAs' && strategy.uid === 0);
};

/** A profile as SCCs name it. */
function profileNames(profile: unknown): string[] {
  const { type, localhostProfile } = isRecord(profile) ? profile : {};
  switch (type) {
    case 'RuntimeDefault':
      return ['runtime/default', 'docker/default'];
    case 'Unconfined':
      return ['unconfined'];
    case 'Localhost':
      return [`localhost/${String(localhostProfile)}`];
    default:
      return [];
  }
}

/** Only what the container runtime gives by default; a profile may go where the target forbids it. */
const seccompProfile: GivesMore = (before, after, target) => {
  const allowed = target?.seccompProfiles ?? [];
  if (isUnset(after))
    return !isUnset(before) && (allowed.includes('*') || profileNames(before).some((name) => allowed.includes(name)));
  return !isRecord(after) || after['type'] !== 'RuntimeDefault';
};

const onlyRuntimeDefault: GivesMore = (before, after) =>
  isUnset(after) ? !isUnset(before) : !isRecord(after) || after['type'] !== 'RuntimeDefault';

const more: GivesMore = (before, after) => {
  const had = new Set(listOf(before).map((item) => JSON.stringify(item)));
  return listOf(after).some((item) => !had.has(JSON.stringify(item)));
};

/** By the field of a pod's or a container's security context; a field that is not here is unknown. */
export const SECURITY_FIELDS: ReadonlyMap<string, GivesMore> = new Map(
  Object.entries({
    privileged: setTrue,
    allowPrivilegeEscalation: (before, after) => after === true || (before === false && after !== false),
    readOnlyRootFilesystem: lifted,
    runAsNonRoot: lifted,
    runAsUser,
    runAsGroup: never,
    fsGroup: never,
    fsGroupChangePolicy: never,
    supplementalGroups: more,
    supplementalGroupsPolicy: (_before, after) => after !== 'Strict',
    capabilities,
    seccompProfile,
    appArmorProfile: onlyRuntimeDefault,
    seLinuxOptions: setAtAll,
    sysctls: more,
    procMount: (_before, after) => !isUnset(after) && after !== 'Default',
  } satisfies Record<string, GivesMore>),
);
