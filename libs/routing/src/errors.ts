/** The proxies do not divide the requests as they were told, within the time given. Trying again may help. */
export class RoutesBehind extends Error {
  override readonly name = 'RoutesBehind';
}

/** Nothing that this router steers serves the workload, so that dividing its requests would do nothing. */
export class NotServed extends Error {
  override readonly name = 'NotServed';
}

/** The debug endpoint of istiod does not answer, or, a refusal, does not let itself be asked. */
export class ProxiesUnseen extends Error {
  override readonly name = 'ProxiesUnseen';

  constructor(
    message: string,
    readonly isRefusal: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
