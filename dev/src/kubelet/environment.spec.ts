import { environmentOf, expanded } from './environment.js';
import { aPod, referencesIn } from './pod.fixture.js';

const place = { ip: '10.244.1.2', hostIp: '10.244.1.1' };
const references = referencesIn({
  secrets: { database: { url: 'postgresql://scc' }, keys: { A: '1', B: '2' } },
  configMaps: { settings: { level: 'debug' } },
});

const environmentIn = (env: object[], rest: object = {}): Promise<Record<string, string>> => {
  const { pod, container } = aPod(
    { nodeName: 'node-1', serviceAccountName: 'worker' },
    { env, ...rest },
    { labels: { app: 'ledger' } },
  );
  return environmentOf({ pod, place, references }, container);
};

describe('the environment of a container', () => {
  it('takes values from fields of the pod, Secrets and ConfigMaps', async () => {
    const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const found = await environmentIn([
      field('NAME', 'metadata.name'),
      field('APP', "metadata.labels['app']"),
      field('ACCOUNT', 'spec.serviceAccountName'),
      field('NODE', 'spec.nodeName'),
      field('IP', 'status.podIP'),
      { name: 'URL', valueFrom: { secretKeyRef: { name: 'database', key: 'url' } } },
      { name: 'LEVEL', valueFrom: { configMapKeyRef: { name: 'settings', key: 'level' } } },
    ]);
    expect(found).toEqual({
      ...{ NAME: 'ledger-1', APP: 'ledger', ACCOUNT: 'worker', NODE: 'node-1', IP: '10.244.1.2' },
      ...{ URL: 'postgresql://scc', LEVEL: 'debug' },
    });
  });

  it('replaces names of earlier variables and leaves unknown ones', async () => {
    expect(
      await environmentIn([
        { name: 'HOST', value: 'db' },
        { name: 'URL', value: 'tcp://$(HOST)/$(PATH)/$$(HOST)' },
      ]),
    ).toEqual({
      HOST: 'db',
      URL: 'tcp://db/$(PATH)/$(HOST)',
    });
    expect(expanded('--name=$(NAME)', { NAME: 'a' })).toBe('--name=a');
  });

  it('takes whole Secrets with a prefix, and single variables over them', async () => {
    const envFrom = [{ prefix: 'KEY_', secretRef: { name: 'keys' } }];
    expect(await environmentIn([{ name: 'KEY_B', value: 'own' }], { envFrom })).toEqual({ KEY_A: '1', KEY_B: 'own' });
  });

  it('lets what would listen on all addresses listen on the address of its pod', async () => {
    expect(await environmentIn([{ name: 'HEALTH_HOST', value: '0.0.0.0' }])).toEqual({ HEALTH_HOST: '10.244.1.2' });
  });

  it.each([
    ['secretKeyRef', { name: 'missing', key: 'url' }, 'secret missing was not found'],
    ['secretKeyRef', { name: 'database', key: 'password' }, 'secret database has no key password'],
    ['configMapKeyRef', { name: 'missing', key: 'a' }, 'configMap missing was not found'],
  ])('waits for what is missing: %s %j', async (source, reference, message) => {
    const variable = { name: 'A', valueFrom: { [source]: reference } };
    await expect(environmentIn([variable])).rejects.toThrow(message);
    const optional = { name: 'A', valueFrom: { [source]: { ...reference, optional: true } } };
    expect(await environmentIn([optional])).toEqual({});
  });
});
