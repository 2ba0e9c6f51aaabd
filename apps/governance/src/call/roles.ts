/** The roles that a caller can hold; what each may do is declared by the features. */
export const ROLES = ['viewer', 'operator', 'approver', 'policy-author', 'auditor', 'admin', 'engine'] as const;
export type Role = (typeof ROLES)[number];

/** The permissions of each role in one feature, as `resource:verb`. A role that is not named may do nothing of it. */
export type RolePermissions = Partial<Record<Role, readonly string[]>>;

/** The same for every role of people. The engine is a program: what it may do is listed by name. */
export const forPeople = (...permissions: string[]): RolePermissions =>
  Object.fromEntries(ROLES.filter((role) => role !== 'engine').map((role) => [role, permissions]));
