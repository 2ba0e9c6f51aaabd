/** The time that one answer may take. */
export interface Budget {
  /** Milliseconds. */
  left(): number;
}
