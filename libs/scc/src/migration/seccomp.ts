import { SECCOMP_CONTAINER_ANNOTATION_PREFIX, SECCOMP_POD_ANNOTATION } from '../model/names.js';
import type { Container, Pod } from '../model/pod.js';
import { clip } from '../rules/findings.js';
import { type Compared, listed, risk, type RiskRule } from './risk.js';

/** The seccomp profile that counts for a container, in the words of its field. */
function profileOf(pod: Pod, container: Container | undefined): string | undefined {
  const field = container?.securityContext?.seccompProfile ?? pod.spec.securityContext?.seccompProfile;
  if (field) return field.localhostProfile ? `${field.type} ${field.localhostProfile}` : field.type;
  const { annotations } = pod.metadata;
  return (
    annotations?.[SECCOMP_CONTAINER_ANNOTATION_PREFIX + (container?.name ?? '')] ??
    annotations?.[SECCOMP_POD_ANNOTATION]
  );
}

const profiles = ({ pairs, before, after }: Compared) =>
  pairs.map((pair) => ({
    name: pair.name,
    isNew: pair.before === undefined,
    had: profileOf(before, pair.before),
    has: profileOf(after, pair.after),
  }));
type Profiles = ReturnType<typeof profiles>[number];
const namesOf = (concerned: readonly Profiles[]): string[] => concerned.map(({ name }) => name);

export const seccompNewlyApplied: RiskRule = (change) => {
  const concerned = profiles(change).filter(({ had, has }) => has !== undefined && had === undefined);
  if (concerned.length === 0) return [];
  return risk(namesOf(concerned), {
    name: 'seccomp-newly-applied',
    cause: "the runtime's seccomp profile filters system calls from now on",
    symptom: 'EPERM on rare system calls',
    check: 'run the workload under the profile in audit mode, or watch for denials during mirroring',
    remedy: 'a profile of your own, with an SCC that allows it',
  });
};

export const seccompRemoved: RiskRule = (change) => {
  const concerned = profiles(change).filter(({ had, has, isNew }) => !isNew && had !== undefined && has === undefined);
  if (concerned.length === 0) return [];
  return risk(namesOf(concerned), {
    name: 'seccomp-removed',
    cause: `the target does not accept a seccomp profile, so ${listed([...new Set(concerned.map(({ had }) => had ?? ''))])} is given up`,
    symptom: 'none: the pod runs with less protection',
    check: 'compare with the requirements of your platform',
    remedy: 'an SCC of your own with seccompProfiles',
    uncertain: false,
  });
};

export const seccompChanged: RiskRule = (change) => {
  const concerned = profiles(change).filter(
    ({ had, has }) => had !== undefined && has !== undefined && !sameProfile(had, has),
  );
  if (concerned.length === 0) return [];
  const changes = concerned.map(({ had = '', has = '' }) => `${clip(had, 100)} becomes ${clip(has, 100)}`);
  return risk(namesOf(concerned), {
    name: 'seccomp-changed',
    cause: `the seccomp profile changes: ${listed([...new Set(changes)])}`,
    symptom: 'EPERM on system calls that only the old profile allowed',
    check: 'run the workload under the new profile in audit mode, or watch for denials during mirroring',
    remedy: 'an SCC of your own whose seccompProfiles lists the old profile',
  });
};

const ANNOTATED: Readonly<Record<string, string>> = {
  'runtime/default': 'RuntimeDefault',
  'docker/default': 'RuntimeDefault',
  unconfined: 'Unconfined',
};
const sameProfile = (a: string, b: string): boolean => {
  const [one, other] = [a, b].map((profile) => (ANNOTATED[profile] ?? profile).replace(/^localhost\//, 'Localhost '));
  return one === other;
};
