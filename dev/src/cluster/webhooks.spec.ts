import { objectSchema } from '@scc/kube';
import { localWebhooks } from './webhooks.js';

const configuration = (clientConfig: object): ReturnType<typeof objectSchema.parse> =>
  objectSchema.parse({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'scc' },
    webhooks: [{ name: 'scc.poc', failurePolicy: 'Fail', clientConfig }],
  });

describe('localWebhooks', () => {
  it.each([
    ['a Service', { service: { name: 'governance', namespace: 'scc-system', path: '/mutate/pods' } }],
    ['an address', { url: 'https://governance.example/mutate/pods' }],
  ])('keeps the path of %s and all else', (_case, clientConfig) => {
    expect(localWebhooks([configuration(clientConfig)], 'PEM')[0]).toMatchObject({
      webhooks: [
        {
          name: 'scc.poc',
          failurePolicy: 'Fail',
          clientConfig: { url: 'https://127.0.0.1:9444/mutate/pods', caBundle: 'UEVN' },
        },
      ],
    });
  });

  it('leaves other objects out', () => {
    const service = objectSchema.parse({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'governance' } });
    expect(localWebhooks([service], 'PEM')).toEqual([]);
  });
});
