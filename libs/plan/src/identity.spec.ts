import { describe, expect, it } from '@jest/globals';
import { editorsAnnotation, editorsOf, type Identity, identityAnnotations, recordedIdentity } from './identity.js';
import { AUTHOR_ANNOTATION, EDITORS_ANNOTATION } from './labels.js';

const ana: Identity = {
  username: 'system:serviceaccount:shop:ana',
  uid: '6f1c',
  groups: ['devs, ops', 'system:authenticated'],
  extra: { 'scopes.authorization.openshift.io': ['user:info', 'role:edit:shop'] },
};

describe('a recorded identity', () => {
  it('is read back as it was', () => {
    expect(recordedIdentity(identityAnnotations(AUTHOR_ANNOTATION, ana), AUTHOR_ANNOTATION)).toEqual(ana);
    const bare: Identity = { username: 'ana', uid: '', groups: [], extra: {} };
    expect(recordedIdentity(identityAnnotations(AUTHOR_ANNOTATION, bare), AUTHOR_ANNOTATION)).toEqual(bare);
  });

  it.each(['', '-uid', '-groups', '-extra'])('is unknown without its part %j', (part) => {
    const { [`${AUTHOR_ANNOTATION}${part}`]: _left, ...rest } = identityAnnotations(AUTHOR_ANNOTATION, ana);
    expect(recordedIdentity(rest, AUTHOR_ANNOTATION)).toBeUndefined();
  });
});

describe('editors', () => {
  it('are listed once each, without the author', () => {
    const annotations: Record<string, string> = { [AUTHOR_ANNOTATION]: 'ana' };
    for (const name of ['bob', 'ana', 'eve', 'bob'])
      annotations[EDITORS_ANNOTATION] = editorsAnnotation(annotations, name);
    expect(editorsOf(annotations)).toEqual(['bob', 'eve']);
  });
});
