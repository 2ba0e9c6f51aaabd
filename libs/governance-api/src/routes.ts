import {
  approvalStateSchema,
  beginRequestSchema,
  beginVerdictSchema,
  commandRequestSchema,
  commandVerdictSchema,
  doneRequestSchema,
  doneVerdictSchema,
  evaluationRequestSchema,
  evaluationSchema,
  liveRequestSchema,
  liveVerdictSchema,
  runVerdictSchema,
  stepRequestSchema,
  stepVerdictSchema,
  undoSealSchema,
  workflowRunSchema,
} from './engine.js';
import { eventBatchResultSchema, eventBatchSchema, migrationOutcomeSchema, preImagesSchema } from './reports.js';

/** The engine's routes: method, path template (`{id}` is the uid of the plan), request and response schemas. */
export const engineRoutes = {
  evaluate: {
    method: 'POST',
    path: '/v1/migrations/{id}/evaluations',
    request: evaluationRequestSchema,
    response: evaluationSchema,
  },
  approval: { method: 'GET', path: '/v1/migrations/{id}/approval', request: null, response: approvalStateSchema },
  authorizeStep: {
    method: 'POST',
    path: '/v1/migrations/{id}/steps',
    request: stepRequestSchema,
    response: stepVerdictSchema,
  },
  begin: {
    method: 'POST',
    path: '/v1/migrations/{id}/activities',
    request: beginRequestSchema,
    response: beginVerdictSchema,
  },
  done: {
    method: 'POST',
    path: '/v1/migrations/{id}/activities/done',
    request: doneRequestSchema,
    response: doneVerdictSchema,
  },
  handOver: {
    method: 'POST',
    path: '/v1/migrations/{id}/handover',
    request: workflowRunSchema,
    response: runVerdictSchema,
  },
  takeOver: {
    method: 'POST',
    path: '/v1/migrations/{id}/takeover',
    request: workflowRunSchema,
    response: runVerdictSchema,
  },
  liveSettings: {
    method: 'POST',
    path: '/v1/migrations/{id}/live-settings',
    request: liveRequestSchema,
    response: liveVerdictSchema,
  },
  checkCommand: {
    method: 'POST',
    path: '/v1/migrations/{id}/commands',
    request: commandRequestSchema,
    response: commandVerdictSchema,
  },
  report: {
    method: 'POST',
    path: '/v1/migrations/{id}/events',
    request: eventBatchSchema,
    response: eventBatchResultSchema,
  },
  savePreImages: {
    method: 'PUT',
    path: '/v1/migrations/{id}/pre-images',
    request: preImagesSchema,
    response: preImagesSchema,
  },
  preImages: { method: 'GET', path: '/v1/migrations/{id}/pre-images', request: null, response: preImagesSchema },
  seal: { method: 'GET', path: '/v1/migrations/{id}/undo-material', request: null, response: undoSealSchema },
  outcome: { method: 'GET', path: '/v1/migrations/{id}/outcome', request: null, response: migrationOutcomeSchema },
} as const;
