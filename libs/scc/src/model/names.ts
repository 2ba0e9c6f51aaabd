/** Annotations that OpenShift defines; their text is part of its API. */
export const SCC_ANNOTATION = 'openshift.io/scc';
export const SUBJECT_TYPE_ANNOTATION = 'security.openshift.io/validated-scc-subject-type';
export const REQUIRED_SCC_ANNOTATION = 'openshift.io/required-scc';
export const UID_RANGE_ANNOTATION = 'openshift.io/sa.scc.uid-range';
export const MCS_ANNOTATION = 'openshift.io/sa.scc.mcs';
export const SUPPLEMENTAL_GROUPS_ANNOTATION = 'openshift.io/sa.scc.supplemental-groups';
export const SECCOMP_POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
export const SECCOMP_CONTAINER_ANNOTATION_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/';
