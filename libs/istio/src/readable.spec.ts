import { readAll } from './readable.js';
import { destinationRuleSpecSchema, virtualServiceSpecSchema } from './schema.js';

const object = (namespace: string, spec?: unknown) => ({
  ...{ apiVersion: 'networking.istio.io/v1', kind: 'VirtualService' },
  metadata: { namespace, name: 'odd' },
  ...(spec === undefined ? {} : { spec }),
});
const reading = { kind: 'VirtualService', namespace: 'shop', services: ['web'] } as const;
const said = (namespace: string, spec?: unknown) => {
  const { read, violations, warnings } = readAll([object(namespace, spec)], virtualServiceSpecSchema, reading);
  return [read.length, violations.map(({ code }) => code), warnings.length];
};
const routeTo = (host: unknown) => ({ http: [{ route: [{ destination: { host }, weight: 'all' }] }] });

describe('an object of Istio that cannot be read', () => {
  it.each<[string, string, unknown, unknown[]]>([
    ['without a spec, in another namespace', 'other', undefined, [0, [], 1]],
    ['without a spec, in the namespace of the plan', 'shop', undefined, [0, ['RouteUnreadable'], 0]],
    ['that routes elsewhere', 'other', routeTo('till.other'), [0, [], 1]],
    ['that routes to the Service', 'other', routeTo('web.shop.svc.cluster.local'), [0, ['RouteUnreadable'], 0]],
    ['that routes to a Service of a longer name', 'other', routeTo('web-2.shop'), [0, [], 1]],
    ['with a host that is a number', 'other', routeTo(1), [0, [], 1]],
    ['with a list for a spec', 'other', [], [0, [], 1]],
    ['which can be read after all', 'other', { http: [{ route: [{ destination: { host: 'web' } }] }] }, [1, [], 0]],
  ])('%s', (_how, namespace, spec, expected) => expect(said(namespace, spec)).toEqual(expected));

  it('is named, with the field and its owner', () => {
    const rules = { ...reading, kind: 'DestinationRule' } as const;
    const { violations } = readAll([object('shop', { subsets: [] })], destinationRuleSpecSchema, rules);
    expect(violations).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(
          'DestinationRule odd in the namespace shop cannot be read at spec.host',
        ) as unknown,
        remedy: expect.stringContaining('owner of the namespace shop') as unknown,
      }),
    ]);
  });
});
