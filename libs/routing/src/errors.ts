/** The proxies do not divide the requests as they were told, within the time given. Trying again may help. */
export class RoutesBehind extends Error {
  override readonly name = 'RoutesBehind';
}

/** Nothing that this router steers serves the workload, so that dividing its requests would do nothing. */
export class NotServed extends Error {
  override readonly name = 'NotServed';
}

/** Clients that hold a cookie of a router still ask the stable pods, although no weight leads there. */
export class ClientsStay extends Error {
  override readonly name = 'ClientsStay';

  /** @param recent requests over the last moments; null when nothing counts them any more */
  constructor(routes: readonly string[], services: readonly string[], recent: number | null) {
    const seen =
      recent === null
        ? 'nothing counts the requests of the routers any more'
        : `${recent} requests over the last moments came to ${services.join(', ')}`;
    super(
      `clients of Route ${routes.join(', ')} that hold its cookie are waited for: ${seen}; the annotation haproxy.router.openshift.io/disable_cookies: "true" on the Route lets them go at once`,
    );
  }
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
