import { deliverySchema, itemsSchema, pageSchema, receiverSchema, retriedSchema } from '@scc/governance-api';
import type { Operations } from './operation.js';

/** Receivers of notifications, and their messages. */
export const NOTIFICATION_OPERATIONS: Operations = {
  'GET /v1/notification-receivers': {
    summary: 'Receivers of notifications, and how their messages do',
    answer: itemsSchema(receiverSchema),
  },
  'GET /v1/notification-receivers/{name}': {
    summary: 'One receiver of notifications',
    answer: receiverSchema,
    versioned: true,
  },
  'PUT /v1/notification-receivers/{name}': {
    summary: 'Make or change a receiver of notifications',
    answer: receiverSchema,
    condition: 'save',
  },
  'DELETE /v1/notification-receivers/{name}': {
    summary: 'Remove a receiver of notifications, with its messages',
    answer: null,
    condition: 'change',
  },
  'POST /v1/notification-receivers/{name}/retry': {
    summary: 'Try again what was given up',
    answer: retriedSchema,
  },
  'GET /v1/notification-deliveries': {
    summary: 'Messages to receivers, newest first',
    answer: pageSchema(deliverySchema),
  },
};
