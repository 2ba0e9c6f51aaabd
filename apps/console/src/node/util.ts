/** Checks of the whole log compare values with this; a page checks one entry and never gets there. */
export const isDeepStrictEqual = (left: unknown, right: unknown): boolean =>
  JSON.stringify(left) === JSON.stringify(right);
