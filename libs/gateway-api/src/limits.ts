/** The limits that the schema of a route sets, in every release from 1.2 to 1.6. */
export const MAX_RULES = 16;
export const MAX_BACKENDS = 16;
export const MAX_MATCHES = 64;
/** Over all rules of an HTTPRoute. */
export const MAX_MATCHES_IN_ALL = 128;
export const MAX_FILTERS = 16;
export const MAX_WEIGHT = 1_000_000;
