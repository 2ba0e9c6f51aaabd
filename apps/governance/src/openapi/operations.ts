import {
  auditConsistencySchema,
  auditContradictionsSchema,
  auditEntryDetailSchema,
  auditEntryPageSchema,
  auditStateSchema,
  readModelDifferencesSchema,
  signedReportSchema,
} from '@scc/audit';
import {
  affectedSchema,
  approvalStateSchema,
  approvalSummarySchema,
  approvalViewSchema,
  commandGrantSchema,
  commandOutcomeSchema,
  emergencyStopSchema,
  engineRoutes,
  eventRecordSchema,
  healthSchema,
  itemsSchema,
  migrationDetailSchema,
  migrationSummarySchema,
  pageSchema,
  podCountSchema,
  podHistorySchema,
  podTransitionSchema,
  policyVerdictSchema,
  receiptSchema,
  sccDriftSchema,
  sccVersionSchema,
  signedProofSchema,
  stepRecordSchema,
  stopAnswerSchema,
  trackedPodSchema,
  workloadHistorySchema,
  workloadSCCSchema,
} from '@scc/governance-api';
import { policyDryRunSchema, policyVersionSchema, storedBindingSchema } from '@scc/policy';
import { firstStepSchema, keptScanDetailSchema, keptScanSchema, scanChangesSchema, scanRowSchema } from '@scc/scc/scan';
import { z } from 'zod';
import { assessmentSchema, calibrationSchema, modelsSchema } from '../risk/answers.js';
import {
  breakGlassSchema,
  calendarAnswerSchema,
  exceptionAnswerSchema,
  meSchema,
  roleBindingSchema,
  sessionSchema,
  signInSchema,
} from './answers.js';
import { CAMPAIGN_OPERATIONS } from './campaign-operations.js';
import { NOTIFICATION_OPERATIONS } from './notification-operations.js';
import type { Operations } from './operation.js';

export const OPERATIONS: Operations = {
  'GET /v1/health': { summary: 'How the parts of the service are', answer: healthSchema },
  'GET /v1/me': { summary: 'Your identity to the service and your permissions', answer: meSchema },
  'GET /v1/sign-in': { summary: 'How people can sign in to the web console', answer: signInSchema },
  'GET /v1/session': { summary: 'Your session of the web console', answer: sessionSchema },
  'POST /v1/session': {
    summary: 'Sign in: turn the token of the request into a session cookie',
    answer: sessionSchema,
  },
  'DELETE /v1/session': { summary: 'Sign out', answer: null, mayConflict: true },
  'GET /v1/role-bindings': {
    summary: 'Which role a user or group has, and where',
    answer: pageSchema(roleBindingSchema),
  },
  'POST /v1/role-bindings': { summary: 'Give a role', answer: roleBindingSchema },
  'DELETE /v1/role-bindings/{id}': { summary: 'Take a role away', answer: null },

  'POST /v1/migrations/{id}/evaluations': {
    summary: 'May this plan run, under which conditions, at which risk',
    answer: engineRoutes.evaluate.response,
  },
  'GET /v1/migrations/{id}/approval': {
    summary: 'For an approver: content hash, differences, rights, grants, gates, window, deadline',
    answer: approvalViewSchema,
  },
  'POST /v1/migrations/{id}/steps': {
    summary: 'May this step run now',
    answer: engineRoutes.authorizeStep.response,
  },
  'POST /v1/migrations/{id}/activities': {
    summary: 'May an activity that changes the cluster begin now, and with what',
    answer: engineRoutes.begin.response,
  },
  'POST /v1/migrations/{id}/activities/done': {
    summary: 'An activity that began has ended as it should',
    answer: engineRoutes.done.response,
  },
  'POST /v1/migrations/{id}/handover': {
    summary: 'Let the next run of the workflow go on',
    answer: engineRoutes.handOver.response,
  },
  'POST /v1/migrations/{id}/takeover': {
    summary: 'Take a migration over whose run has ended, to undo it',
    answer: engineRoutes.takeOver.response,
  },
  'POST /v1/migrations/{id}/live-settings': {
    summary: 'Does an edit of the running plan take effect',
    answer: engineRoutes.liveSettings.response,
  },
  'POST /v1/migrations/{id}/commands': {
    summary: 'May a command that reached the workflow be applied',
    answer: engineRoutes.checkCommand.response,
  },
  'POST /v1/migrations/{id}/operator-commands': {
    summary: 'Send a command to the running migration, with your authority',
    answer: commandOutcomeSchema,
  },
  'GET /v1/stream': { summary: 'What governance records about plans, as server-sent events', answer: 'events' },
  'POST /v1/migrations/{id}/events': { summary: 'Report what happened', answer: engineRoutes.report.response },
  'GET /v1/migrations/{id}/events': {
    summary: 'The events that the engine reported',
    answer: pageSchema(eventRecordSchema),
  },
  'PUT /v1/migrations/{id}/pre-images': {
    summary: 'Keep objects as they were before the first change; the first image of each stays',
    answer: engineRoutes.savePreImages.response,
  },
  'GET /v1/migrations/{id}/pre-images': {
    summary: 'Objects as they were before the first change; refused once the migration is over',
    answer: engineRoutes.preImages.response,
    mayConflict: true,
  },
  'GET /v1/migrations/{id}/undo-material': {
    summary:
      'Everything that an undo needs while governance does not answer, signed; refused once the migration is over',
    answer: engineRoutes.seal.response,
    mayConflict: true,
  },
  'GET /v1/migrations/{id}/outcome': {
    summary: 'How the migration ended: what an undo asks before it begins',
    answer: engineRoutes.outcome.response,
  },

  'GET /v1/migrations': { summary: 'Migrations, newest first', answer: pageSchema(migrationSummarySchema) },
  'GET /v1/migrations/{id}': { summary: 'One migration', answer: migrationDetailSchema },
  'GET /v1/migrations/{id}/steps': {
    summary: 'The steps that the engine asked about',
    answer: pageSchema(stepRecordSchema),
  },
  'GET /v1/migrations/{id}/proof': {
    summary: 'One signed document: what was asked, who allowed it, what happened',
    answer: signedProofSchema,
  },
  'GET /v1/reports': {
    summary: 'One signed document about a period: what ran, who allowed what, what failed, with the audit entries',
    answer: signedReportSchema,
  },
  'GET /v1/read-model/differences': {
    summary: 'Events without their audit entries, and views that do not follow from the events',
    answer: readModelDifferencesSchema,
  },
  'POST /v1/migrations/rebuild': {
    summary: 'Build the read model again from the stored events',
    answer: z.object({ migrations: z.int() }),
  },
  'POST /v1/migrations/{id}/command-grants': {
    summary: 'A token that gives one command your authority',
    answer: commandGrantSchema,
  },

  ...CAMPAIGN_OPERATIONS,
  'GET /v1/scans': {
    summary: 'Scans of the cluster that are kept, the newest first',
    answer: itemsSchema(keptScanSchema),
  },
  'POST /v1/scans': {
    summary: 'Scan the cluster, or one namespace: which SCC each workload runs under, and which stricter one it could',
    answer: keptScanSchema,
  },
  'GET /v1/scans/{id}': { summary: 'One scan, with its totals', answer: keptScanDetailSchema },
  'GET /v1/scans/{id}/workloads': { summary: 'The workloads of a scan', answer: pageSchema(scanRowSchema) },
  'GET /v1/scans/{id}/first-steps': {
    summary: 'The workloads of a scan to begin with, and why',
    answer: itemsSchema(firstStepSchema),
  },
  'GET /v1/scans/{id}/changes': {
    summary: 'What changed since an earlier scan',
    answer: scanChangesSchema,
    mayConflict: true,
  },

  'GET /v1/stops': {
    summary: 'Emergency stops in force, or all, the newest first',
    answer: itemsSchema(emergencyStopSchema),
  },
  'POST /v1/stops': {
    summary: 'Stop the migrations of a namespace, or all: hold them or take them back',
    answer: stopAnswerSchema,
  },
  'POST /v1/stops/{id}/lift': { summary: 'Let migrations go on', answer: emergencyStopSchema },

  'GET /v1/approvals': { summary: 'Approval requests, newest first', answer: pageSchema(approvalSummarySchema) },
  'POST /v1/migrations/{id}/approvals': { summary: 'Approve or refuse a plan', answer: approvalStateSchema },
  'DELETE /v1/migrations/{id}/approvals': { summary: 'Take your own decision back', answer: approvalStateSchema },

  'POST /v1/migrations/{id}/break-glass': {
    summary: 'Grant what waits for approval at once; another person reviews it afterwards',
    answer: approvalStateSchema,
  },
  'GET /v1/break-glass': { summary: 'Break-glass grants that wait for review', answer: itemsSchema(breakGlassSchema) },
  'POST /v1/break-glass/{id}/review': { summary: 'Say that you looked at it', answer: breakGlassSchema },

  'GET /v1/policies': { summary: 'The newest version of every policy', answer: itemsSchema(policyVersionSchema) },
  'GET /v1/policies/{name}': {
    summary: 'The newest version of a policy',
    answer: policyVersionSchema,
    versioned: true,
  },
  'GET /v1/policies/{name}/versions/{version}': { summary: 'One version of a policy', answer: policyVersionSchema },
  'PUT /v1/policies/{name}': {
    summary: 'Store the next version of a policy; bindings decide where it applies',
    answer: policyVersionSchema,
    condition: 'save',
  },
  'POST /v1/policies/dry-run': {
    summary: 'Past plans that a policy would have refused',
    answer: policyDryRunSchema,
  },
  'GET /v1/policy-verdicts': {
    summary: 'Results of policies without effect: warn, audit, lifted by exceptions',
    answer: pageSchema(policyVerdictSchema),
  },
  'GET /v1/policy-bindings': { summary: 'Where policies apply', answer: itemsSchema(storedBindingSchema) },
  'GET /v1/policy-bindings/{name}': { summary: 'One binding', answer: storedBindingSchema, versioned: true },
  'PUT /v1/policy-bindings/{name}': {
    summary: 'Activate a version of a policy somewhere',
    answer: storedBindingSchema,
    condition: 'save',
  },
  'DELETE /v1/policy-bindings/{name}': { summary: 'Stop applying a policy', answer: null, condition: 'change' },
  'GET /v1/policy-exceptions': { summary: 'Exceptions, newest first', answer: itemsSchema(exceptionAnswerSchema) },
  'POST /v1/policy-exceptions': {
    summary: 'Ask for an exception; a second person has to agree',
    answer: exceptionAnswerSchema,
    versioned: true,
  },
  'POST /v1/policy-exceptions/{id}/approval': {
    summary: 'Agree to an exception',
    answer: exceptionAnswerSchema,
    condition: 'change',
  },
  'POST /v1/policy-exceptions/{id}/revocation': {
    summary: 'End an exception',
    answer: exceptionAnswerSchema,
    condition: 'change',
  },

  'GET /v1/calendar': { summary: 'Freezes and maintenance windows', answer: itemsSchema(calendarAnswerSchema) },
  'GET /v1/calendar/{name}': { summary: 'One freeze or window', answer: calendarAnswerSchema, versioned: true },
  'PUT /v1/calendar/{name}': {
    summary: 'Make or change a freeze or window',
    answer: calendarAnswerSchema,
    condition: 'save',
  },
  'DELETE /v1/calendar/{name}': { summary: 'Remove a freeze or window', answer: null, condition: 'change' },

  ...NOTIFICATION_OPERATIONS,

  'GET /v1/scc-versions': { summary: 'Every content that an SCC had', answer: itemsSchema(sccVersionSchema) },
  'GET /v1/scc-versions/{id}/affected': { summary: 'Workloads under a version of an SCC', answer: affectedSchema },
  'GET /v1/scc-drift': {
    summary: "How the SCCs differ from OpenShift's defaults",
    answer: itemsSchema(sccDriftSchema),
  },
  'GET /v1/workloads/{namespace}/{kind}/{name}/scc': {
    summary: 'Under which SCC, and which version of it, a workload ran at a time',
    answer: workloadSCCSchema,
  },
  'GET /v1/workloads/{namespace}/{kind}/{name}/history': {
    summary: 'Under which SCCs a workload ran, newest first',
    answer: workloadHistorySchema,
  },
  'GET /v1/pods': { summary: 'Which pods run under which SCC', answer: pageSchema(trackedPodSchema) },
  'GET /v1/pod-counts': { summary: 'How many pods each SCC has', answer: itemsSchema(podCountSchema) },
  'GET /v1/pod-counts/history': {
    summary: 'How many pods each SCC had over the last hours',
    answer: itemsSchema(podHistorySchema),
  },
  'GET /v1/pods/{uid}/transitions': { summary: 'The transitions of a pod', answer: itemsSchema(podTransitionSchema) },

  'GET /v1/risk/models': { summary: 'Models of risk, and how the challenger does', answer: modelsSchema },
  'POST /v1/risk/models/{id}/promotion': { summary: 'Make a model the champion', answer: modelsSchema },
  'GET /v1/risk/assessments/{id}': {
    summary: 'One assessment, explained and made again',
    answer: assessmentSchema,
  },
  'GET /v1/risk/calibration': { summary: 'How well what was said fits what happened', answer: calibrationSchema },

  'GET /v1/audit/entries': { summary: 'Audit entries, newest first', answer: auditEntryPageSchema },
  'GET /v1/audit/entries/{id}': { summary: 'One entry with its proof', answer: auditEntryDetailSchema },
  'GET /v1/audit/checkpoint': { summary: 'The newest signed checkpoint', answer: auditStateSchema },
  'GET /v1/audit/consistency': {
    summary: 'Proves that a log is the beginning of a larger one',
    answer: auditConsistencySchema,
  },
  'GET /v1/audit/contradictions': {
    summary: 'Rows and published checkpoints that the log contradicts',
    answer: auditContradictionsSchema,
  },
  'POST /v1/audit/contradictions/answers': {
    summary: 'Accept some of them as they are, under your name',
    answer: auditContradictionsSchema,
  },
  'GET /v1/audit/receipts/{id}': { summary: 'The receipt of an entry as it is now', answer: receiptSchema },
  'GET /v1/audit/export': { summary: 'The whole log, for offline verification', answer: 'lines' },
};
