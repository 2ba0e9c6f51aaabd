/** The exit codes, for scripts. Documented in docs/CLI.md. */
export const EXIT = {
  ok: 0,
  /** The command could not be carried out: refused, not found, unanswered. */
  failed: 1,
  /** The audit log was tampered with. */
  tampered: 2,
  /** The audit log is not all there, a witness could not be used, or no key was given to check with. */
  incomplete: 3,
  /** A plan has violations. */
  invalid: 4,
  /** What was compared differs. */
  differs: 5,
  /** An emergency stop is in force, and did not reach every workflow. */
  unreached: 6,
  /** The command line itself is wrong. */
  usage: 64,
} as const;

/** Ends the command with a message for people: what is wrong with which field, and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    message: string,
    readonly remedy: string | null = null,
    readonly exitCode: number = EXIT.failed,
  ) {
    super(message);
  }
}
