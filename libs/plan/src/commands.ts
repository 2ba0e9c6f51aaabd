/** Steps that governance must allow, each before it runs. */
export const STEPS = ['Prepare', 'Mirror', 'Shift', 'Migrate', 'Finish', 'Undo'] as const;
export type Step = (typeof STEPS)[number];

/** Commands of an operator to a running migration. */
export const COMMANDS = ['pause', 'resume', 'skip', 'abort', 'rollback', 'release'] as const;
export type CommandName = (typeof COMMANDS)[number];
