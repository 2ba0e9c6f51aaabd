import { aTemplate } from '../model/scc.fixture.js';
import { applyTemplatePatch, mergePatches, type TemplatePatch } from './patch.js';

const template = aTemplate(
  {
    securityContext: { runAsUser: 1, fsGroup: 2 },
    volumes: [{ name: 'a', emptyDir: {} }],
    tolerations: [{ key: 'x' }],
  },
  {
    ports: [{ containerPort: 80, hostPort: 80 }, { containerPort: 81 }],
    args: ['a', 'b'],
    env: [{ name: 'A', value: '1' }],
  },
);
const web = (fields: object) => ({ spec: { containers: [{ name: 'web', ...fields }] } });
const patched = (patch: object) => applyTemplatePatch(template, { ...patch }).spec;

describe('a strategic-merge patch of a pod template', () => {
  it('merges objects and removes null', () =>
    expect(patched({ spec: { securityContext: { runAsUser: null, runAsGroup: 3 } } }).securityContext).toEqual({
      fsGroup: 2,
      runAsGroup: 3,
    }));
  it('merges containers by name, ports by number, environment by name', () => {
    const [container, ...others] = patched(
      web({ ports: [{ containerPort: 80, hostPort: null }], env: [{ name: 'B', value: '2' }] }),
    ).containers;
    expect(others).toEqual([]);
    expect(container).toMatchObject({
      image: 'web',
      ports: [{ containerPort: 80 }, { containerPort: 81 }],
      env: [{ name: 'A' }, { name: 'B' }],
    });
    expect(container?.ports?.[0]).not.toHaveProperty('hostPort');
  });
  it('replaces other lists', () => {
    expect(patched(web({ args: ['c'] })).containers[0]).toMatchObject({ args: ['c'] });
    expect(patched({ spec: { tolerations: [{ key: 'y' }] } })['tolerations']).toEqual([{ key: 'y' }]);
  });
  it('obeys directives', () => {
    expect(
      patched({
        spec: {
          volumes: [
            { name: 'a', $patch: 'delete' },
            { name: 'b', $patch: 'delete' },
          ],
        },
      }).volumes,
    ).toEqual([]);
    expect(patched({ spec: { securityContext: { $patch: 'replace', runAsUser: 9 } } }).securityContext).toEqual({
      runAsUser: 9,
    });
  });
  it('adds a container that is not there', () =>
    expect(patched({ spec: { initContainers: [{ name: 'i', image: 'x', tty: null }] } }).initContainers).toEqual([
      { name: 'i', image: 'x' },
    ]));
  it.each([
    '{"__proto__":{"spec":{"hostPID":true}}}',
    '{"spec":{"__proto__":{"hostPID":true}}}',
    '{"spec":{"securityContext":{"__proto__":{"runAsUser":0}}}}',
    '{"spec":{"containers":[{"name":"web","__proto__":{"image":"evil"}}]}}',
  ])('refuses a field that is none but of JavaScript: %s', (text) => {
    const patch = JSON.parse(text) as TemplatePatch;
    for (const one of [patch, mergePatches(patch, { spec: { serviceAccountName: 'x' } })])
      expect(() => applyTemplatePatch(template, one)).toThrow('__proto__');
    expect({}).not.toHaveProperty('hostPID');
  });
  it('leaves the template as it was', () => {
    const before = structuredClone(template);
    patched(web({ image: 'other' }));
    expect(template).toEqual(before);
  });
  it('must result in a template', () => {
    expect(() => patched({ spec: { containers: 'none' } })).toThrow();
    expect(() => patched({ spec: { containers: ['x'] } })).toThrow(TypeError);
  });
});

it('two patches in one keep what each removes', () => {
  const first = { ...web({ securityContext: { runAsUser: null } }), metadata: { annotations: { a: null } } };
  const second = web({ securityContext: { privileged: null }, tty: true });
  const both = mergePatches(first, mergePatches(second, { spec: { hostUsers: false } }));
  expect(both).toEqual({
    metadata: { annotations: { a: null } },
    spec: {
      hostUsers: false,
      containers: [{ name: 'web', securityContext: { runAsUser: null, privileged: null }, tty: true }],
    },
  });
});
