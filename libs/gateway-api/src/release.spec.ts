import { hasMirrorPercent } from './release.js';

/** A definition whose mirror has these fields beside the backend, as the releases have them. */
const definition = (fields: string[], version = 'v1') => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'httproutes.gateway.networking.k8s.io' },
  spec: {
    versions: [
      {
        name: version,
        schema: {
          openAPIV3Schema: {
            properties: {
              spec: {
                properties: {
                  rules: {
                    items: {
                      properties: {
                        filters: {
                          items: {
                            properties: {
                              requestMirror: {
                                properties: Object.fromEntries(['backendRef', ...fields].map((name) => [name, {}])),
                              },
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
});

describe('hasMirrorPercent', () => {
  it.each<[string, ReturnType<typeof definition> | undefined, boolean]>([
    ['1.2.1', definition([]), false],
    ['1.3.0, 1.4.1, 1.5.1 and 1.6.0', definition(['fraction', 'percent']), true],
    ['a schema that has it in another version alone', definition(['percent'], 'v1beta1'), false],
    ['no definition', undefined, false],
  ])('%s: %#', (_name, found, expected) => {
    expect(hasMirrorPercent(found)).toBe(expected);
  });
});
