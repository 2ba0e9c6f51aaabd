/** The name of the log, part of every checkpoint. A class, so that Nest can inject it by type. */
export class AuditOrigin {
  constructor(readonly origin: string) {}
}
