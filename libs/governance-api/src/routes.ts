import {
  approvalStateSchema,
  commandRequestSchema,
  commandVerdictSchema,
  evaluationRequestSchema,
  evaluationSchema,
  liveRequestSchema,
  liveVerdictSchema,
  eventBatchResultSchema,
  eventBatchSchema,
  migrationOutcomeSchema,
  preImagesSchema,
  stepRequestSchema,
  stepVerdictSchema,
} from './engine.js';

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
  outcome: { method: 'GET', path: '/v1/migrations/{id}/outcome', request: null, response: migrationOutcomeSchema },
} as const;
