export { startAdmission } from './service/admission.js';
export { admissionConfigOf, admissionSettings } from './service/settings.js';
export { type AdmissionThread, startAdmissionThread } from './thread/host.js';
export type { SeenPod } from './thread/seen-pod.js';
