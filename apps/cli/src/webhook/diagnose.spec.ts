import { describe, expect, it } from '@jest/globals';
import {
  type Configuration,
  installedConfigurationSchema,
  diagnoseWebhook,
  disabled,
  enabled,
  type WebhookFacts,
} from './diagnose.js';

/** An authority that signed itself; valid until 2126. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBYjCCAQigAwIBAgIPal3DdPu6jYg6wFmRXQ4XMAoGCCqGSM49BAMCMA8xDTAL
BgNVBAMTBHRlc3QwIBcNMjUxMjMxMjM1NTAwWhgPMjEyNjAxMDIwMDAwMDBaMA8x
DTALBgNVBAMTBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR/vGkE5eZE
SQ6dytXDuYDGYZEXQTrQ+rft78doj4bJuvfCvDBPa8Qb/CSBy+msQ7WeB988wfS5
YaL8HIjGe+Bmo0UwQzASBgNVHRMBAf8ECDAGAQH/AgEAMA4GA1UdDwEB/wQEAwIB
BjAdBgNVHQ4EFgQU55jbA4qtNYg1+p23yjcQQD1bzT0wCgYIKoZIzj0EAwIDSAAw
RQIgIVhU9BFKvSdEogE3CKTjMPvqBKpIycPoamvBhjF5B8MCIQCgrhNKa4bM6Eep
j/dt5EnJmjKVpDBH1oor5c5zdc8u0Q==
-----END CERTIFICATE-----`;

const configuration = (kind: string, over: object = {}): Configuration =>
  installedConfigurationSchema.parse({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: 'scc-webhook' },
    webhooks: [
      {
        name: 'pods.scc.poc',
        failurePolicy: 'Fail',
        clientConfig: { caBundle: Buffer.from(CERTIFICATE).toString('base64') },
        namespaceSelector: { matchLabels: { 'scc.poc/enforce': 'true' } },
        ...over,
      },
    ],
  });
const both = (over: object = {}) =>
  ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'].map((kind) => configuration(kind, over));

const healthy: WebhookFacts = {
  configurations: both(),
  certificate: CERTIFICATE,
  readyEndpoints: 2,
  sccs: ['restricted-v2'],
  enforced: [{ name: 'shop', annotations: { 'openshift.io/sa.scc.uid-range': '1000680000/10000' } }],
  trial: { scc: 'restricted-v2', refusal: undefined },
  now: new Date('2026-11-26T00:00:00Z'),
};

describe('the doctor', () => {
  it('finds nothing wrong with a healthy webhook', () => {
    expect(diagnoseWebhook(healthy)).toEqual([]);
  });

  it('asks nothing of a Service that no webhook is called by', () => {
    const [{ clientConfig } = { clientConfig: {} }] = healthy.configurations.flatMap(({ webhooks }) => webhooks);
    const configurations = both({ clientConfig: { ...clientConfig, url: 'https://127.0.0.1:9443/validate/pods' } });
    expect(diagnoseWebhook({ ...healthy, configurations, readyEndpoints: 0 })).toEqual([]);
  });

  it.each<[string, Partial<WebhookFacts>, RegExp]>([
    [
      'a configuration that is missing',
      { configurations: [configuration('MutatingWebhookConfiguration')] },
      /ValidatingWebhookConfiguration scc-webhook is missing/,
    ],
    [
      'a bundle that was never filled',
      { configurations: both({ clientConfig: {} }) },
      /holds no authority that is valid/,
    ],
    ['an authority that has ended', { now: new Date('2200-01-01T00:00:00Z') }, /holds no authority that is valid/],
    ['replicas that are all away', { readyEndpoints: 0 }, /no replica of the webhook is ready/],
    ['a webhook that fails open', { configurations: both({ failurePolicy: 'Ignore' }) }, /failurePolicy is not Fail/],
    ['SCCs that are missing', { sccs: [] }, /default SCCs are missing/],
    ['a namespace without ids', { enforced: [{ name: 'new', annotations: {} }] }, /namespace new has no ids/],
    ['pods without a decision', { trial: { scc: undefined, refusal: undefined } }, /no webhook decided about it/],
    ['a webhook that is disabled', { configurations: both().map((one) => disabled(one) ?? one) }, /is disabled/],
  ])('names %s', (_case, over, fault) => {
    expect(diagnoseWebhook({ ...healthy, ...over }).map((finding) => finding.fault)).toContainEqual(
      expect.stringMatching(fault),
    );
  });
});

it('the doctor looks at the network when the API server does not reach the webhook', () => {
  const refusal = 'Internal error occurred: failed calling webhook "pods.scc.poc": context deadline exceeded';
  const [finding] = diagnoseWebhook({ ...healthy, trial: { scc: undefined, refusal } });
  expect(finding?.remedy).toContain('networkpolicies');
});

describe('disabling', () => {
  it('is undone without a trace, and twice is once', () => {
    const [before] = both();
    const off = disabled(before!);
    expect(disabled(off!)).toBeUndefined();
    expect(off?.webhooks[0]?.namespaceSelector).not.toEqual(before?.webhooks[0]?.namespaceSelector);
    const on = enabled(off!);
    expect(on?.webhooks[0]).toMatchObject({
      namespaceSelector: { matchLabels: { 'scc.poc/enforce': 'true' } },
      objectSelector: {},
    });
    expect(on?.metadata.annotations).toEqual({});
    expect(enabled(on!)).toBeUndefined();
  });
});
