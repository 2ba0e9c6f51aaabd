import { describe, expect, it } from '@jest/globals';
import { configurationOf, podWeights, type RouterRoute } from './configuration.js';
import { metricsOf } from './metrics.js';

const pods = (count: number, first = 1) =>
  Array.from({ length: count }, (_, index) => ({ pod: `pod-${index}`, address: `10.0.0.${first + index}`, port: 80 }));
const service = (name: string, weight: number | undefined, count: number, first = 1) => ({
  name,
  weight,
  endpoints: pods(count, first),
});
const route = (over: Partial<RouterRoute> = {}): RouterRoute => ({
  namespace: 'shop',
  name: 'ledger',
  host: 'ledger.example',
  isPassthrough: false,
  annotations: {},
  services: [service('ledger', 90, 1), service('ledger-canary', 10, 1, 9)],
  ...over,
});
const PLACES = { listen: { http: '127.0.0.1:1', tls: '127.0.0.1:2' }, statsSocket: '/tmp/s' };
const configured = (over: Partial<RouterRoute>): string => configurationOf([route(over)], PLACES);

describe('the router of the stack', () => {
  it.each<[string, [number | undefined, number][], number[]]>([
    [
      '99:1',
      [
        [99, 1],
        [1, 1],
      ],
      [256, 2],
    ],
    [
      '90:10 of equal pods',
      [
        [90, 3],
        [10, 3],
      ],
      [256, 28],
    ],
    [
      '10:1 of 1 and 50 pods',
      [
        [10, 1],
        [1, 50],
      ],
      [256, 1],
    ],
    [
      'a weight that is not said',
      [
        [undefined, 1],
        [1, 1],
      ],
      [256, 256],
    ],
    [
      'a weight above the top',
      [
        [1000, 1],
        [256, 1],
      ],
      [256, 256],
    ],
    [
      'nothing for one side',
      [
        [0, 2],
        [5, 2],
      ],
      [0, 256],
    ],
    [
      'no endpoints',
      [
        [90, 0],
        [10, 1],
      ],
      [0, 256],
    ],
    [
      'nothing at all',
      [
        [0, 1],
        [0, 1],
      ],
      [0, 0],
    ],
  ])('spreads weights over pods: %s', (_case, sides, weights) => {
    expect(podWeights(sides.map(([weight, count], index) => service(`s${index}`, weight, count)))).toEqual(weights);
  });

  it('takes turns by weight while several Services have one, and else not', () => {
    const alone = [service('ledger', 100, 2), service('ledger-canary', 0, 2, 9)];
    expect(configured({})).toContain('balance roundrobin');
    expect(configured({ services: alone })).toContain('balance random');
    expect(configured({ services: alone, isPassthrough: true })).toContain('balance source');
    const balance = (word: string) => ({ 'haproxy.router.openshift.io/balance': word });
    expect(configured({ annotations: balance('leastconn') })).toContain('balance leastconn');
    expect(configured({ annotations: balance('nonsense') })).toContain('balance roundrobin');
  });

  it('keeps a server of weight 0 for those who hold its cookie, and drops it where there are none', () => {
    const services = [service('ledger', 0, 1), service('ledger-canary', 100, 1, 9)];
    expect(configured({ services })).toMatch(/ledger:10\.0\.0\.1:80 10\.0\.0\.1:80 cookie \w+ weight 0/);
    expect(configured({ services, isPassthrough: true })).not.toContain('10.0.0.1');
    const annotations = { 'haproxy.router.openshift.io/disable_cookies': 'true' };
    expect(configured({ services, annotations })).not.toContain('cookie');
  });

  it('checks the health of pods where there is another one', () => {
    expect(configured({})).toContain(' check ');
    expect(configured({ services: [service('ledger', 100, 1)] })).not.toContain(' check ');
  });
});

describe('its metrics', () => {
  it('say which pod of which Service answered', () => {
    const csv = [
      '# pxname,svname,scur,stot,hrsp_2xx,hrsp_5xx',
      'be_http:shop:ledger,pod:pod-0:ledger:10.0.0.1:80,3,9,7,1',
      'be_http:shop:ledger,BACKEND,3,9,7,1',
      'public,FRONTEND,3,9,,',
    ].join('\n');
    const labels = 'namespace="shop",route="ledger",pod="pod-0",service="ledger",server="10.0.0.1:80"';
    const lines = metricsOf(csv).trim().split('\n');
    expect(lines).toContain(`haproxy_server_http_responses_total{${labels},code="2xx"} 7`);
    expect(lines).toContain(`haproxy_server_http_responses_total{${labels},code="5xx"} 1`);
    expect(lines).toContain(`haproxy_server_current_sessions{${labels}} 3`);
    expect(lines).toContain(`haproxy_server_connections_total{${labels}} 9`);
    expect(lines).toHaveLength(7);
  });
});
