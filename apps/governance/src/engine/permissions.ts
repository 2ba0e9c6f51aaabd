import type { RolePermissions } from '../call/roles.js';

const COMMANDS = ['commands:grant'];

export const ENGINE_PERMISSIONS: readonly RolePermissions[] = [
  { operator: COMMANDS, admin: COMMANDS },
  /** The worker, and only it. */
  {
    engine: ['evaluations:create', 'steps:authorize', 'commands:check', 'pre-images:write', 'pre-images:read'],
  },
];
