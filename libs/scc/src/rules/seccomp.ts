import { SECCOMP_CONTAINER_ANNOTATION_PREFIX, SECCOMP_POD_ANNOTATION } from '../model/names.js';
import { clip } from './findings.js';
import type { SeccompProfile } from '../model/pod.js';
import { type ContainerScope, type PodScope, writeContainer, writePod } from './scope.js';
import type { RuleViolation } from './violation.js';

/** The profile in the notation of SCCs and of the old annotations; '' when it names none. */
function profileText(profile: SeccompProfile | null | undefined): string {
  if (!profile) return '';
  switch (profile.type) {
    case 'Unconfined':
      return 'unconfined';
    case 'RuntimeDefault':
      return 'runtime/default';
    case 'Localhost':
      return profile.localhostProfile == null ? '' : `localhost/${profile.localhostProfile}`;
    default:
      return '';
  }
}

/** The field's value for such a text; undefined for one that names no profile. */
function profileField(text: string): SeccompProfile | undefined {
  if (text === 'unconfined') return { type: 'Unconfined' };
  if (text === 'runtime/default' || text === 'docker/default') return { type: 'RuntimeDefault' };
  if (text.startsWith('localhost/') && text.length > 'localhost/'.length)
    return { type: 'Localhost', localhostProfile: text.slice('localhost/'.length) };
  return undefined;
}

const sameProfile = (a: SeccompProfile | undefined, b: SeccompProfile | undefined): boolean =>
  a?.type === b?.type && (a?.localhostProfile ?? undefined) === (b?.localhostProfile ?? undefined);

function violation(scope: PodScope, annotation: string, place: { field: string; profile: string }): RuleViolation {
  const allowed = scope.scc.bounds.seccomp;
  const path = `pod.metadata.annotations[${clip(annotation)}]`;
  const none = allowed.length === 0;
  const fallback = scope.scc.seccompDefault;
  return {
    rule: 'seccomp',
    field: place.field,
    value: place.profile,
    bound: none ? 'not set' : allowed.join(','),
    remedy: none ? 'remove the seccomp profile' : `use ${fallback} or remove the seccomp profile`,
    message: none
      ? `${path}: Forbidden: seccomp may not be set`
      : `${path}: Forbidden: ${clip(place.profile)} is not an allowed seccomp profile. Valid values are [${allowed.join(' ')}]`,
  };
}

function accepts({ scc }: PodScope, profile: string): boolean {
  if (scc.anySeccomp) return true;
  return scc.seccompProfiles.length === 0 ? profile === '' : scc.seccompProfiles.includes(profile);
}

/** The annotation outranks the field, and both are rewritten from the one that wins. */
export function applyPodSeccomp(scope: PodScope): void {
  const set = scope.seccompProfile ? profileText(scope.seccompProfile) : scope.scc.seccompDefault;
  const wanted = scope.seccompAnnotation === '' ? set : scope.seccompAnnotation;
  if (wanted !== '') {
    if (scope.seccompAnnotation !== wanted) {
      scope.seccompAnnotation = wanted;
      scope.writes ??= { securityContext: {} };
      scope.writes.seccompAnnotation = wanted;
    }
    const field = profileField(wanted);
    if (!sameProfile(scope.seccompProfile, field)) {
      scope.seccompProfile = field;
      writePod(scope, 'seccompProfile', field);
    }
  }
  const profile = scope.seccompAnnotation === '' ? profileText(scope.seccompProfile) : scope.seccompAnnotation;
  if (!accepts(scope, profile))
    scope.findings.report(
      violation(scope, SECCOMP_POD_ANNOTATION, { field: 'spec.securityContext.seccompProfile', profile }),
    );
}

/** An annotation for this container overwrites its field. */
export function applyContainerSeccomp(scope: ContainerScope): void {
  const { pod, container } = scope;
  const annotation = SECCOMP_CONTAINER_ANNOTATION_PREFIX + container.name;
  const annotated = pod.annotations[annotation];
  if (annotated !== undefined) {
    const field = profileField(annotated);
    if (!sameProfile(scope.seccompProfile, field)) {
      scope.seccompProfile = field;
      writeContainer(scope, 'seccompProfile', field);
    }
  }
  const profile = scope.seccompProfile
    ? profileText(scope.seccompProfile)
    : (annotated ?? (pod.seccompProfile ? profileText(pod.seccompProfile) : pod.seccompAnnotation));
  if (!accepts(pod, profile))
    pod.findings.report(
      violation(pod, annotation, {
        field: `spec.${scope.list}[${scope.index}].securityContext.seccompProfile`,
        profile,
      }),
    );
}
