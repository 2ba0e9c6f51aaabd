/** The cause and the remedy behind a code, for people. */
export interface CodeText {
  /** The state of affairs that the code stands for. */
  readonly cause: string;
  readonly remedy: string;
}

/** Texts by code. */
export type CodeTexts = Readonly<Record<string, CodeText>>;
