/** The largest weight that the API takes. */
export const MAX_BACKEND_WEIGHT = 256;
/** How many Services a Route can name beside the one in `to`. */
export const MAX_ALTERNATES = 3;
/** The router's reading of a backend that says no weight. The API writes 100 there, so that it is seldom met. */
export const UNSET_WEIGHT = 1;
