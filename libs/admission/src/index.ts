export { startAdmission } from './service/admission.js';
export { admissionConfigOf, admissionSettings } from './service/settings.js';
export type { AdmissionThread } from './thread/host.js';
export { keepAdmissionThread } from './thread/kept.js';
