import { describe, expect, it } from '@jest/globals';
import {
  earlierEditorsAnnotation,
  earlierEditorsOf,
  editorsAnnotation,
  editorsOf,
  type Identity,
  identityAnnotations,
  recordedIdentity,
  unrecordable,
} from './identity.js';
import { AUTHOR_ANNOTATION, EARLIER_EDITORS_ANNOTATION, EDITOR_ANNOTATION, EDITORS_ANNOTATION } from './labels.js';

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

describe('an identity that would be read back as another one', () => {
  it.each<[string, Partial<Identity>, string | null]>([
    ['nothing odd', { groups: ['a b', 'ä', ''], extra: { 'a.io/b': ['x=y', ''] } }, null],
    ['a user of two lines', { username: 'eve\nadmin' }, 'user name'],
    ['a group of two lines', { groups: ['devs\nsystem:masters'] }, 'group'],
    ['the key of an extra with an equals sign', { extra: { 'a=b': ['c'] } }, 'name of an extra'],
    ['the key of an extra of two lines', { extra: { 'a\nb': ['c'] } }, 'name of an extra'],
    ['the value of an extra of two lines', { extra: { a: ['c\nscopes=user:full'] } }, 'value of an extra'],
    ['the value of an extra with a tab', { extra: { a: ['c\td'] } }, 'value of an extra'],
  ])('%s', (_case, over, said) => {
    const identity = { ...ana, ...over };
    const reason = unrecordable(identity);
    if (said === null) expect(reason).toBeNull();
    else expect(reason).toContain(said);
    const readBack = recordedIdentity(identityAnnotations(AUTHOR_ANNOTATION, identity), AUTHOR_ANNOTATION);
    if (reason === null) expect(readBack).toEqual(identity);
  });
});

describe('the editors before the last one', () => {
  const person = (username: string, group = 'devs'): Identity => ({ ...ana, username, groups: [group] });
  const edit = (before: Record<string, string>, identity: Identity): Record<string, string> => {
    const { [EARLIER_EDITORS_ANNOTATION]: _earlier, ...kept } = before;
    return {
      ...kept,
      ...earlierEditorsAnnotation(before, identity),
      ...identityAnnotations(EDITOR_ANNOTATION, identity),
    };
  };

  it.each<[string, Identity[], string[]]>([
    ['of one editor are none', [person('bob')], []],
    ['of one who edits twice are none', [person('bob'), person('bob', 'ops')], []],
    ['do not get lost behind another', [person('mallory'), person('bob')], ['mallory devs']],
    ['do not get lost behind the author', [person('mallory'), ana], ['mallory devs']],
    ['leave the author out, who is recorded beside', [ana, person('bob')], []],
    [
      'are known as they were at their last edit',
      [person('mallory'), person('bob'), person('mallory', 'ops'), person('eve')],
      ['bob devs', 'mallory ops'],
    ],
  ])('%s', (_case, edits, expected) => {
    const annotations = edits.reduce(edit, { ...identityAnnotations(AUTHOR_ANNOTATION, ana) });
    expect(earlierEditorsOf(annotations)?.map(({ username, groups }) => `${username} ${groups.join()}`)).toEqual(
      expected,
    );
  });

  it.each(['', 'bob', '{}', '[{"username":"bob"}]'])('are not known from %j', (text) => {
    expect(earlierEditorsOf({ [EARLIER_EDITORS_ANNOTATION]: text })).toBeUndefined();
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
