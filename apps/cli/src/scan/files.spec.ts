import { objectsOf } from './files.js';

describe('objectsOf', () => {
  it('reads documents, lists and typed lists', () => {
    const pod = (name: string) => `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}}`;
    const text = [
      pod('a'),
      `apiVersion: v1\nkind: List\nitems: [${pod('b')}]`,
      `apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: c}\n- metadata: {name: d}`,
      'apiVersion: v1\nkind: PodList\nitems: null',
      '',
    ].join('\n---\n');
    const { objects, unreadable } = objectsOf(text, 'f');
    expect(objects.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`)).toEqual([
      'v1 Pod a',
      'v1 Pod b',
      'v1 Pod c',
      'v1 Pod d',
    ]);
    expect(unreadable).toEqual([]);
  });

  it('leaves out what is no object of Kubernetes', () => {
    expect(objectsOf('replicas: 3\nimage: x\n---\n- a\n- b\n---\njust text\n', 'values.yaml')).toEqual({
      objects: [],
      unreadable: [],
    });
  });

  it.each<[string, string, RegExp]>([
    ['a template that was not rendered', 'apiVersion: v1\nkind: {{ .Values.kind }}\nmetadata: {name: x}\n', /./],
    ['a tab', 'apiVersion: v1\n\tkind: Pod\n', /./],
    ['an object without a name', 'apiVersion: v1\nkind: Pod\nmetadata: {}\n', /name/],
    ['labels that are no texts', 'apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {a: 1}}\n', /labels/],
    [
      'aliases that multiply',
      `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\na0: &a0 [x]\n${Array.from({ length: 9 }, (_none, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(9)}]`).join('\n')}\n`,
      /alias/,
    ],
  ])('names %s and reads the rest', (_case, broken, reason) => {
    const text = `${broken}---\napiVersion: v1\nkind: Pod\nmetadata: {name: good}\n`;
    const { objects, unreadable } = objectsOf(text, 'f');
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(['good']);
    expect(unreadable).toEqual([{ source: 'f, document 1', reason: expect.stringMatching(reason) as unknown }]);
  });
});
