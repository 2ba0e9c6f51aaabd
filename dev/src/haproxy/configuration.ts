import { createHash } from 'node:crypto';

/** A pod behind a Service, as an EndpointSlice names it. */
export interface RouterEndpoint {
  pod: string;
  address: string;
  port: number;
}

/** One Service of a Route with its weight and its ready endpoints. */
interface RouterService {
  name: string;
  /** As the Route says it; the router reads one that says nothing as 1. */
  weight: number | undefined;
  endpoints: readonly RouterEndpoint[];
}

export interface RouterRoute {
  namespace: string;
  name: string;
  host: string;
  path?: string | undefined;
  isPassthrough: boolean;
  annotations: Readonly<Record<string, string>>;
  services: readonly RouterService[];
}

export interface RouterPlaces {
  /** Where requests, and connections that are passed through, come in. */
  listen: { http: string; tls: string };
  statsSocket: string;
}

const TOP = 256;
const ANNOTATIONS = 'haproxy.router.openshift.io';

/** The weight of a Service among those of its Route: what it says, held between 0 and the top. */
const said = ({ weight }: RouterService): number => Math.min(TOP, Math.max(0, weight ?? 1));

/**
 * How heavy each pod of each Service is. The heaviest weighs 256; a Service that has a weight keeps one of 1 for each of
 * its pods at least, so that one of very many pods gets more than it asked for.
 */
export function podWeights(services: readonly RouterService[]): number[] {
  const perPod = services.map((one) => (one.endpoints.length === 0 ? 0 : said(one) / one.endpoints.length));
  const heaviest = perPod.reduce((most, one) => (one > most ? one : most), 0);
  return services.map((one, index) => {
    if (one.endpoints.length === 0 || said(one) === 0) return 0;
    // A quotient that only arithmetic keeps from a whole number is that number.
    const scaled = Math.floor((TOP * (perPod[index] ?? 0)) / heaviest + 1e-6);
    return scaled === 0 ? 1 : scaled;
  });
}

const ALGORITHMS = ['roundrobin', 'leastconn', 'source', 'random'];

function algorithmOf({ annotations, services, isPassthrough }: RouterRoute): string {
  const asked = annotations[`${ANNOTATIONS}/balance`];
  if (asked !== undefined && ALGORITHMS.includes(asked)) return asked;
  const active = services.filter((one) => said(one) > 0).length;
  if (active > 1) return 'roundrobin';
  return isPassthrough ? 'source' : 'random';
}

const idOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
export const cookieName = ({ namespace, name }: RouterRoute): string => idOf(`${namespace}/${name}`);
const backendName = ({ isPassthrough, namespace, name }: RouterRoute): string =>
  `${isPassthrough ? 'be_tcp' : 'be_http'}:${namespace}:${name}`;

function backendOf(route: RouterRoute): string[] {
  const { services, isPassthrough, annotations } = route;
  const weights = podWeights(services);
  const isSticky = !isPassthrough && annotations[`${ANNOTATIONS}/disable_cookies`]?.toLowerCase() !== 'true';
  const active = services.reduce((sum, one) => sum + (said(one) > 0 ? one.endpoints.length : 0), 0);
  const check = active > 1 ? ' check inter 5000ms' : '';
  const servers = services.flatMap((service, index) =>
    service.endpoints.flatMap(({ pod, address, port }) => {
      const weight = weights[index] ?? 0;
      // Nobody holds a cookie of a connection that is passed through, so nothing needs its server.
      if (isPassthrough && weight === 0) return [];
      const place = `${address}:${port}`;
      const cookie = isSticky ? ` cookie ${idOf(place)}` : '';
      return [`  server pod:${pod}:${service.name}:${place} ${place}${cookie} weight ${weight}${check}`];
    }),
  );
  return [
    `backend ${backendName(route)}`,
    `  mode ${isPassthrough ? 'tcp' : 'http'}`,
    `  balance ${algorithmOf(route)}`,
    '  option redispatch',
    ...(isSticky ? [`  cookie ${cookieName(route)} insert indirect nocache httponly`] : []),
    ...servers,
  ];
}

/** Longer paths first: the first rule that fits is taken. */
const byPath = (a: RouterRoute, b: RouterRoute): number => (b.path?.length ?? 0) - (a.path?.length ?? 0);

/** HAProxy's configuration for these Routes: a small copy in behaviour of OpenShift's router, for tests. */
export function configurationOf(routes: readonly RouterRoute[], { listen, statsSocket }: RouterPlaces): string {
  const served = [...routes].sort(byPath);
  const rules = (isPassthrough: boolean, ofHost: (host: string) => string): string[] =>
    served
      .filter((route) => route.isPassthrough === isPassthrough)
      .map((route) => {
        const path = route.path ? ` { path_beg ${route.path} }` : '';
        return `  use_backend ${backendName(route)} if { ${ofHost(route.host)} }${path}`;
      });
  return [
    'global',
    `  stats socket ${statsSocket} mode 600 level admin expose-fd listeners`,
    '  maxconn 4000',
    '  hard-stop-after 20s',
    'defaults',
    '  mode http',
    '  timeout connect 5s',
    '  timeout client 30s',
    '  timeout server 30s',
    '  timeout http-keep-alive 300s',
    'frontend public',
    `  bind ${listen.http}`,
    // A client whose idle connection were closed at a reload might be sending a request at that moment.
    '  option idle-close-on-response',
    ...rules(false, (host) => `hdr(host),field(1,:) -i ${host}`),
    'frontend public_ssl',
    '  mode tcp',
    `  bind ${listen.tls}`,
    '  tcp-request inspect-delay 5s',
    '  tcp-request content accept if { req_ssl_hello_type 1 }',
    ...rules(true, (host) => `req_ssl_sni -i ${host}`),
    ...served.flatMap(backendOf),
    '',
  ].join('\n');
}
