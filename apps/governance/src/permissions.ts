const READ = [
  ...['migrations:read', 'approvals:read', 'policies:read', 'exceptions:read', 'calendar:read'],
  // Checkpoints and receipts are safe to show: the more people keep them, the less can be hidden.
  ...['registry:read', 'pods:read', 'proofs:read', 'audit:witness', 'risk:read'],
] as const;
const AUDIT = ['audit:read', 'audit:export'] as const;

/** What each role may do of the domain's routes. Nobody holds what is not listed. */
export const DOMAIN_PERMISSIONS = {
  viewer: READ,
  auditor: [...READ, ...AUDIT],
  operator: [...READ, 'commands:grant', 'exceptions:request'],
  approver: [...READ, 'approvals:decide', 'exceptions:approve', 'exceptions:revoke'],
  'policy-author': [...READ, 'policies:write', 'policies:activate', 'exceptions:request', 'calendar:write'],
  admin: [
    ...READ,
    ...AUDIT,
    ...['commands:grant', 'approvals:decide', 'exceptions:request', 'exceptions:approve', 'exceptions:revoke'],
    ...['policies:write', 'policies:activate', 'calendar:write', 'migrations:rebuild', 'risk:promote'],
  ],
  /** The worker, and only it. */
  engine: [
    ...['evaluations:create', 'approvals:read', 'steps:authorize', 'commands:check', 'events:report'],
    ...['pre-images:write', 'pre-images:read', 'audit:witness'],
  ],
} as const satisfies Record<string, readonly string[]>;
