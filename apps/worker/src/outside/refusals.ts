/** What Prometheus means by a status, and the setting that it is about. */
export const REFUSALS = new Map([
  [401, 'it does not know who asks (PROMETHEUS_TOKEN_FILE)'],
  [403, 'the identity that asks may not (PROMETHEUS_TOKEN_FILE, PROMETHEUS_NAMESPACE_PARAMETER)'],
  [404, 'there is no query API (PROMETHEUS_URL)'],
  [400, 'it does not understand the query'],
  [422, 'it cannot work out the query'],
]);
