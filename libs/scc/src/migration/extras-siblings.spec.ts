import { describe, expect, it } from '@jest/globals';
import { aTemplate, anSCC } from '../model/scc.fixture.js';
import { extrasOf } from './extras.js';
import { applyTemplatePatch } from './patch.js';

type Json = Record<string, unknown>;

const before = aTemplate(
  { serviceAccountName: 'web', volumes: [{ name: 'tmp', emptyDir: {} }] },
  { env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] },
);
const TARGET = anSCC('target', { volumes: ['*'] });
const web = (fields: Json): Json => ({ spec: { containers: [{ name: 'web', ...fields }] } });
const pod = (fields: Json): Json => ({ spec: fields });
const context = (securityContext: Json): Json => web({ securityContext });
const namesOf = (after: unknown): string[] =>
  extrasOf(before, after, TARGET).map(({ field, kind, change }) => `${kind} ${change} ${field}`);
const found = (patch: Json): string[] => namesOf(applyTemplatePatch(before, patch));

describe('what gives a pod more by another field than the usual one', () => {
  it.each<[string, Json, string]>([
    [
      'names of other hosts',
      pod({ hostAliases: [{ ip: '192.0.2.1', hostnames: ['db'] }] }),
      'other added spec.hostAliases',
    ],
    ['another resolver', pod({ dnsConfig: { nameservers: ['192.0.2.1'] } }), 'other added spec.dnsConfig'],
    ['a node', pod({ nodeName: 'control-plane' }), 'other added spec.nodeName'],
    ['nodes that are kept for others', pod({ tolerations: [{ operator: 'Exists' }] }), 'other added spec.tolerations'],
    ['an account by its old field', pod({ serviceAccount: 'deployer' }), 'serviceAccount added spec.serviceAccount'],
    [
      'its token',
      pod({ automountServiceAccountToken: true }),
      'serviceAccount added spec.automountServiceAccountToken',
    ],
    [
      'processes of other containers',
      pod({ shareProcessNamespace: true }),
      'privilege added spec.shareProcessNamespace',
    ],
    [
      'devices',
      pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] }),
      'other added spec.resourceClaims',
    ],
    [
      'a container that looks on',
      pod({ ephemeralContainers: [{ name: 'look', image: 'x' }] }),
      'container added spec.ephemeralContainers[look]',
    ],
    [
      'the whole of /proc',
      context({ procMount: 'Unmasked' }),
      'privilege added spec.containers[web].securityContext.procMount',
    ],
    [
      'an AppArmor profile',
      context({ appArmorProfile: { type: 'Unconfined' } }),
      'privilege added spec.containers[web].securityContext.appArmorProfile',
    ],
    [
      'processes of a Windows host',
      context({ windowsOptions: { hostProcess: true } }),
      'other added spec.containers[web].securityContext.windowsOptions',
    ],
    [
      'an AppArmor profile by its annotation',
      { metadata: { annotations: { 'container.apparmor.security.beta.kubernetes.io/web': 'unconfined' } } },
      'metadata added metadata.annotations[container.apparmor.security.beta.kubernetes.io/web]',
    ],
    [
      'a label of our own',
      { metadata: { labels: { 'scc.poc/role': 'canary' } } },
      'metadata added metadata.labels[scc.poc/role]',
    ],
    ['a finalizer', { metadata: { finalizers: ['example.com/held'] } }, 'metadata added metadata.finalizers'],
    [
      'an owner',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'u' }] } },
      'metadata added metadata.ownerReferences',
    ],
    [
      'a volume of a driver',
      pod({ volumes: [{ name: 'v', csi: { driver: 'secrets-store.csi.k8s.io' } }] }),
      'volume added spec.volumes[v]',
    ],
    [
      'the files of an image',
      pod({ volumes: [{ name: 'v', image: { reference: 'x' } }] }),
      'volume added spec.volumes[v]',
    ],
    [
      'a file as environment',
      web({ env: [{ name: 'F', valueFrom: { fileKeyRef: { volumeName: 'tmp', path: 'p', key: 'k' } } }] }),
      'environment added spec.containers[web].env[F]',
    ],
    [
      'a certificate of the account',
      pod({ volumes: [{ name: 'v', projected: { sources: [{ podCertificate: { signerName: 'x' } }] } }] }),
      'serviceAccount added spec.volumes[v]',
    ],
  ])('names %s', (_case, patch, expected) => expect(found(patch)).toEqual([expected]));

  it('is named also in entries that repeat the name of another one', () => {
    const spec = before.spec as { containers: Json[] };
    const [container = {}] = spec.containers;
    const after = (fields: Json): Json => ({ ...before, spec: { ...spec, containers: [{ ...container, ...fields }] } });
    const env = [
      { name: 'A', value: '1' },
      { name: 'A', value: '2' },
    ];
    expect(namesOf(after({ env }))).toEqual(['environment added spec.containers[web].env[A#2]']);
    const ports = [{ containerPort: 80 }, { containerPort: 80, hostPort: 80 }];
    expect(namesOf(after({ ports }))).toContain('host added spec.containers[web].ports[80/TCP#2].hostPort');
  });
});
