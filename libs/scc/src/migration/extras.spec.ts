import { describe, expect, it } from '@jest/globals';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { applyPatch, type Operation } from 'rfc6902';
import { DEFAULTS } from '../admission/request.fixture.js';
import { ownSCCs, pods } from '../model/arbitraries.fixture.js';
import { compileSCC } from '../model/compile.js';
import { podTemplateSchema } from '../model/pod.js';
import { aTemplate, anSCC, SHOP } from '../model/scc.fixture.js';
import { EXTRA_KINDS, extrasOf } from './extras.js';
import type { WorkloadContext } from './facts.js';
import { applyTemplatePatch } from './patch.js';
import { remediate } from './remediate.js';

type Json = Record<string, unknown>;

const before = aTemplate(
  {
    serviceAccountName: 'web',
    initContainers: [
      { name: 'first', image: 'first' },
      { name: 'second', image: 'second' },
    ],
    volumes: [
      { name: 'node', hostPath: { path: '/srv' } },
      { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'tmp', emptyDir: {} },
    ],
  },
  {
    args: ['serve'],
    env: [
      { name: 'A', value: '1' },
      { name: 'B', value: '$(A)' },
    ],
    ports: [{ containerPort: 80, hostPort: 80 }],
    securityContext: { readOnlyRootFilesystem: true, capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } },
    volumeMounts: [
      { name: 'node', mountPath: '/srv' },
      { name: 'data', mountPath: '/data' },
    ],
    livenessProbe: { httpGet: { path: '/', port: 80 } },
  },
);
const TARGET = anSCC('target', { volumes: ['emptyDir', 'secret', 'configMap', 'persistentVolumeClaim', 'projected'] });
const web = (fields: Json): Json => ({ spec: { containers: [{ name: 'web', ...fields }] } });
const pod = (fields: Json): Json => ({ spec: fields });
const context = (securityContext: Json): Json => web({ securityContext });
const found = (patch: Json): string[] =>
  extrasOf(before, applyTemplatePatch(before, patch), TARGET).map(
    ({ field, kind, change }) => `${kind} ${change} ${field}`,
  );

describe('what a changed template holds beyond what its target needs', () => {
  it.each<[string, Json]>([
    ['nothing', {}],
    ['the pin to the target', { metadata: { annotations: { 'openshift.io/required-scc': 'target' } } }],
    ['a user other than root', context({ runAsUser: 1000, runAsNonRoot: true, runAsGroup: 0 })],
    [
      'a group for the files of volumes',
      pod({ securityContext: { fsGroup: 0, fsGroupChangePolicy: 'OnRootMismatch' } }),
    ],
    ['less privilege', context({ privileged: false, allowPrivilegeEscalation: false, capabilities: { add: null } })],
    ['the default seccomp profile', pod({ securityContext: { seccompProfile: { type: 'RuntimeDefault' } } })],
    ['no port of the node', web({ ports: [{ containerPort: 80, hostPort: null }] })],
    ['no namespaces of the node', pod({ hostNetwork: false, hostPID: false, hostUsers: false })],
    [
      'no files of the node',
      {
        spec: {
          volumes: [{ name: 'node', $patch: 'delete' }],
          containers: [{ name: 'web', volumeMounts: [{ mountPath: '/srv', $patch: 'delete' }] }],
        },
      },
    ],
    ['an empty directory instead of them', pod({ volumes: [{ name: 'node', hostPath: null, emptyDir: {} }] })],
    [
      'an empty directory where the image writes',
      {
        spec: {
          volumes: [{ name: 'run', emptyDir: {} }],
          containers: [{ name: 'web', volumeMounts: [{ name: 'run', mountPath: '/run' }] }],
        },
      },
    ],
  ])('does not name %s', (_case, patch) => expect(found(patch)).toEqual([]));

  it.each<[string, Json, string[]]>([
    ['an image', web({ image: 'evil' }), ['image changed spec.containers[web].image']],
    [
      'a command and arguments',
      web({ command: ['sh'], args: ['-c'] }),
      ['command changed spec.containers[web].args', 'command added spec.containers[web].command'],
    ],
    ['arguments that are taken away', web({ args: null }), ['command removed spec.containers[web].args']],
    [
      'the environment, variable by variable',
      web({
        env: [
          { name: 'A', value: '2' },
          { name: 'C', value: '' },
          { name: 'B', $patch: 'delete' },
        ],
      }),
      [
        'environment changed spec.containers[web].env[A]',
        'environment removed spec.containers[web].env[B]',
        'environment added spec.containers[web].env[C]',
      ],
    ],
    [
      'Secrets in the environment',
      web({
        env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
        envFrom: [{ secretRef: { name: 's' } }, { configMapRef: { name: 'c' } }],
      }),
      [
        'secret added spec.containers[web].env[S]',
        'secret added spec.containers[web].envFrom[0]',
        'environment added spec.containers[web].envFrom[1]',
      ],
    ],
    [
      'a Secret that is mounted',
      {
        spec: {
          volumes: [{ name: 's', secret: { secretName: 'db' } }],
          containers: [{ name: 'web', volumeMounts: [{ name: 's', mountPath: '/s' }] }],
        },
      },
      ['secret added spec.containers[web].volumeMounts[/s]', 'secret added spec.volumes[s]'],
    ],
    [
      'a ConfigMap, a token and a Secret in projected volumes',
      pod({
        volumes: [
          { name: 'c', configMap: { name: 'c' } },
          { name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
          { name: 's', projected: { sources: [{ secret: { name: 's' } }] } },
        ],
      }),
      ['configMap added spec.volumes[c]', 'serviceAccount added spec.volumes[t]', 'secret added spec.volumes[s]'],
    ],
    [
      'a Secret in place of an empty directory',
      pod({ volumes: [{ name: 'tmp', emptyDir: null, secret: { secretName: 'db' } }] }),
      ['secret changed spec.volumes[tmp]'],
    ],
    [
      'data that is given up',
      pod({ volumes: [{ name: 'data', persistentVolumeClaim: null, emptyDir: {} }] }),
      ['volume changed spec.volumes[data]'],
    ],
    [
      'a mount that is given up',
      web({ volumeMounts: [{ mountPath: '/data', $patch: 'delete' }] }),
      ['volume removed spec.containers[web].volumeMounts[/data]'],
    ],
    [
      'another volume at a path that is in use',
      web({ volumeMounts: [{ mountPath: '/data', name: 'tmp' }] }),
      ['volume changed spec.containers[web].volumeMounts[/data]'],
    ],
    ['a ServiceAccount', pod({ serviceAccountName: 'deployer' }), ['serviceAccount changed spec.serviceAccountName']],
    [
      'a ServiceAccount by its old name',
      pod({ serviceAccountName: null, serviceAccount: 'deployer' }),
      ['serviceAccount removed spec.serviceAccountName', 'serviceAccount added spec.serviceAccount'],
    ],
    [
      'the files of the node',
      pod({ volumes: [{ name: 'root', hostPath: { path: '/' } }] }),
      ['host added spec.volumes[root]'],
    ],
    [
      'the namespaces of the node',
      pod({ hostNetwork: true, hostPID: true, hostIPC: true }),
      ['host added spec.hostNetwork', 'host added spec.hostPID', 'host added spec.hostIPC'],
    ],
    [
      'another port of the node',
      web({ ports: [{ containerPort: 80, hostPort: 22 }] }),
      ['host changed spec.containers[web].ports[80/TCP].hostPort'],
    ],
    [
      'privilege',
      context({ privileged: true, runAsUser: 0, allowPrivilegeEscalation: true, procMount: 'Unmasked' }),
      ['privileged', 'runAsUser', 'allowPrivilegeEscalation', 'procMount'].map(
        (name) => `privilege added spec.containers[web].securityContext.${name}`,
      ),
    ],
    [
      'capabilities that are added, or dropped no longer',
      context({ capabilities: { add: ['NET_ADMIN', 'SYS_ADMIN'], drop: null } }),
      ['privilege changed spec.containers[web].securityContext.capabilities'],
    ],
    [
      'restrictions that are lifted',
      context({
        readOnlyRootFilesystem: null,
        seccompProfile: { type: 'Unconfined' },
        seLinuxOptions: { type: 'spc_t' },
      }),
      [
        'privilege removed spec.containers[web].securityContext.readOnlyRootFilesystem',
        'privilege added spec.containers[web].securityContext.seccompProfile',
        'privilege added spec.containers[web].securityContext.seLinuxOptions',
      ],
    ],
    [
      'a field of the security context that is not known',
      context({ quantum: 'x' }),
      ['other added spec.containers[web].securityContext.quantum'],
    ],
    [
      'labels and annotations of others',
      { metadata: { labels: { app: 'other' }, annotations: { 'sidecar.istio.io/inject': 'false' } } },
      ['metadata changed metadata.labels[app]', 'metadata added metadata.annotations[sidecar.istio.io/inject]'],
    ],
    [
      'probes and hooks',
      web({ livenessProbe: { $patch: 'replace', exec: { command: ['sh'] } }, lifecycle: { preStop: { exec: {} } } }),
      ['probe changed spec.containers[web].livenessProbe', 'lifecycle added spec.containers[web].lifecycle'],
    ],
    [
      'containers of every kind',
      pod({
        containers: [{ name: 'extra', image: 'x' }],
        initContainers: [{ name: 'first', $patch: 'delete' }],
        ephemeralContainers: [{ name: 'debug', image: 'x' }],
      }),
      [
        'container removed spec.initContainers[first]',
        'container added spec.containers[extra]',
        'container added spec.ephemeralContainers[debug]',
      ],
    ],
    [
      'a whole list that is replaced',
      pod({ initContainers: [{ name: 'first', $patch: 'replace', image: 'evil' }] }),
      ['image changed spec.initContainers[first].image'],
    ],
    ['what it does not know', pod({ runtimeClassName: 'other' }), ['other added spec.runtimeClassName']],
    ['a priority', pod({ priorityClassName: 'first' }), ['other added spec.priorityClassName']],
    ['credentials of a registry', pod({ imagePullSecrets: [{ name: 'a' }] }), ['secret added spec.imagePullSecrets']],
    ['the users of the node', pod({ hostUsers: true }), ['host added spec.hostUsers']],
    [
      'a token for others',
      pod({ volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { audience: 'vault' } }] } }] }),
      ['serviceAccount added spec.volumes[token]'],
    ],
    [
      'a container that stays beside the others',
      pod({ initContainers: [{ name: 'first', restartPolicy: 'Always' }] }),
      ['other added spec.initContainers[first].restartPolicy'],
    ],
    [
      'ports past the proxy, under a key with a slash',
      { metadata: { annotations: { 'traffic.sidecar.istio.io/excludeInboundPorts': '8080' } } },
      ['metadata added metadata.annotations[traffic.sidecar.istio.io/excludeInboundPorts]'],
    ],
  ])('names %s', (_case, patch, expected) => expect(found(patch).sort()).toEqual(expected.toSorted()));

  it.each([
    ['/data/', 'volume'],
    ['//data', 'volume'],
    ['data', 'volume'],
    ['/srv/../data/.', 'volume'],
    ['/data/tables', 'volume'],
    ['/var/run/secrets/kubernetes.io/serviceaccount/', 'serviceAccount'],
    ['/run/secrets/kubernetes.io/serviceaccount', 'serviceAccount'],
  ])('names an empty directory that would hide what is at %s', (mountPath, kind) =>
    expect(found(web({ volumeMounts: [{ name: 'tmp', mountPath }] }))).toEqual([
      `${kind} added spec.containers[web].volumeMounts[${mountPath}]`,
    ]),
  );

  it.each(['/database', '/', '/srv', '/var/run'])(
    'does not name an empty directory at %s, which hides no volume',
    (at) =>
      expect(
        found(web({ volumeMounts: [{ name: 'tmp', mountPath: at }] })).filter((one) => !one.endsWith('[/srv]')),
      ).toEqual([]),
  );

  it('names mounts that would reach out of the container', () =>
    expect(found(web({ volumeMounts: [{ name: 'tmp', mountPath: '/t', mountPropagation: 'Bidirectional' }] }))).toEqual(
      ['host added spec.containers[web].volumeMounts[/t]'],
    ));

  it.each<[string, Operation[], Json]>([
    [
      'a key with a slash and one with a tilde',
      [
        { op: 'add', path: '/metadata/annotations', value: {} },
        { op: 'add', path: '/metadata/annotations/sidecar.istio.io~1inject', value: 'false' },
        { op: 'add', path: '/metadata/annotations/a~01', value: 'x' },
        { op: 'add', path: '/metadata/annotations/a~1', value: 'y' },
      ],
      { metadata: { annotations: { 'sidecar.istio.io/inject': 'false', 'a~1': 'x', 'a/': 'y' } } },
    ],
    [
      'the end of a list',
      [{ op: 'add', path: '/spec/containers/-', value: { name: 'extra', image: 'evil' } }],
      pod({ containers: [{ name: 'extra', image: 'evil' }] }),
    ],
    [
      'the same field twice, the first as it was',
      [
        { op: 'replace', path: '/spec/containers/0/image', value: 'web' },
        { op: 'replace', path: '/spec/containers/0/image', value: 'evil' },
      ],
      pod({
        containers: [
          { name: 'web', image: 'web' },
          { name: 'web', image: 'evil' },
        ],
      }),
    ],
    [
      'a test, and a copy of a Secret into another container',
      [
        { op: 'test', path: '/spec/serviceAccountName', value: 'web' },
        { op: 'add', path: '/spec/containers/0/envFrom', value: [{ secretRef: { name: 'db' } }] },
        { op: 'copy', from: '/spec/containers/0/envFrom', path: '/spec/initContainers/0/envFrom' },
      ],
      pod({
        containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'db' } }] }],
        initContainers: [{ name: 'first', envFrom: [{ secretRef: { name: 'db' } }] }],
      }),
    ],
    [
      'the account moved to the deprecated field',
      [{ op: 'move', from: '/spec/serviceAccountName', path: '/spec/serviceAccount' }],
      pod({ serviceAccountName: null, serviceAccount: 'web' }),
    ],
  ])('names the same by whatever patch a template came to be: %s', (_what, operations, patch) => {
    const after = structuredClone(before);
    expect(applyPatch(after, operations).filter((fault) => fault !== null)).toEqual([]);
    const [one, other] = [after, applyTemplatePatch(before, patch)].map((template) =>
      extrasOf(before, template, TARGET),
    );
    expect(one).not.toEqual([]);
    expect(one).toEqual(other);
  });

  it('names a variable and a key that come a second time and count instead of the first', () => {
    const after = structuredClone(before);
    const second = { op: 'add', path: '/spec/containers/0/env/-', value: { name: 'A', value: '2' } } as const;
    applyPatch(after, [second]);
    const twice = JSON.parse('{"spec":{"hostNetwork":false,"hostNetwork":true}}') as Json;
    expect(extrasOf(before, after, TARGET)).toEqual([
      { kind: 'environment', change: 'added', field: 'spec.containers[web].env[A#2]' },
    ]);
    expect(found(twice)).toEqual(['host added spec.hostNetwork']);
  });

  it('takes operations of a JSON patch in place of fields for what they are: fields that no template has', () =>
    expect(found({ op: 'replace', path: '/spec/containers/0/image', value: 'evil' })).toEqual([
      'other added op',
      'other added path',
      'other added value',
    ]));

  it('names containers and variables that only change places', () => {
    const { initContainers = [], containers, ...rest } = before.spec;
    const env = containers[0]?.['env'] as unknown[];
    const after = {
      ...before,
      spec: {
        ...rest,
        initContainers: initContainers?.toReversed(),
        containers: [{ ...containers[0], env: env.toReversed() }],
      },
    };
    expect(extrasOf(before, after, TARGET).map(({ field }) => field)).toEqual([
      'spec.initContainers',
      'spec.containers[web].env',
    ]);
  });

  it('lets the evaluator have its way', () =>
    fc.assert(
      fc.property(pods, ownSCCs, (pod, own) => {
        const template = podTemplateSchema.parse({ metadata: pod.metadata, spec: pod.spec });
        for (const scc of own) {
          const facts: WorkloadContext = { kind: 'Deployment', name: 'web', namespace: SHOP, sccs: DEFAULTS };
          const fixed = remediate(template, compileSCC(scc), facts);
          if (fixed.admitted) expect(extrasOf(template, fixed.template, scc)).toEqual([]);
        }
      }),
      cases(300),
    ));

  it('finds each change of a field that no SCC speaks of, wherever it is made and with any other change', () => {
    const changes = fc.subarray(
      [
        web({ image: 'evil' }),
        web({ command: ['sh'] }),
        web({ env: [{ name: 'A', value: '2' }] }),
        web({ lifecycle: { postStart: { exec: { command: ['sh'] } } } }),
        pod({ serviceAccountName: 'deployer' }),
        pod({ containers: [{ name: 'extra', image: 'x' }] }),
        pod({ initContainers: [{ name: 'first', image: 'evil' }] }),
        pod({ volumes: [{ name: 's', secret: { secretName: 'db' } }] }),
        pod({ hostNetwork: true }),
        { metadata: { labels: { app: 'other' } } },
      ],
      { minLength: 1 },
    );
    const harmless = fc.constantFrom(context({ runAsUser: 7 }), context({ privileged: false }), {});
    fc.assert(
      fc.property(changes, harmless, (made, other) => {
        const after = [...made, other].reduce<typeof before>(
          (template, patch) => applyTemplatePatch(template, patch),
          before,
        );
        const extras = extrasOf(before, after, TARGET);
        expect(extras).toHaveLength(made.length);
        expect(extras.every(({ kind }) => EXTRA_KINDS.includes(kind))).toBe(true);
      }),
      cases(300),
    );
  });

  it('tells templates apart that are no templates at all', () =>
    expect(extrasOf(null, { spec: [], kind: 'x' }, null)).toEqual([{ field: 'kind', kind: 'other', change: 'added' }]));
});
