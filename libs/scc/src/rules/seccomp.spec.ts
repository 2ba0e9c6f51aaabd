import { applyChanges } from './apply.js';
import { compileSCC } from '../model/compile.js';
import { judge } from './judge.js';
import { SECCOMP_CONTAINER_ANNOTATION_PREFIX, SECCOMP_POD_ANNOTATION } from '../model/names.js';
import { aPod, anSCC, firstContainer, SHOP } from '../model/scc.fixture.js';

const RUNTIME = { type: 'RuntimeDefault' };
const UNCONFINED = { type: 'Unconfined' };
const local = (file: string) => ({ type: 'Localhost', localhostProfile: file });

interface Asked {
  field?: object;
  annotation?: string;
  container?: object;
  containerAnnotation?: string;
}
type Seen = { annotation?: string; field?: object; container?: object } | 'refused';

function seen(profiles: string[] | null, { field, annotation, container, containerAnnotation }: Asked): Seen {
  const annotations = {
    ...(annotation !== undefined && { [SECCOMP_POD_ANNOTATION]: annotation }),
    ...(containerAnnotation !== undefined && { [`${SECCOMP_CONTAINER_ANNOTATION_PREFIX}web`]: containerAnnotation }),
  };
  const pod = aPod(
    { securityContext: field ? { seccompProfile: field } : {} },
    container ? { securityContext: { seccompProfile: container } } : {},
    annotations,
  );
  const fit = judge(compileSCC(anSCC('x', { seccompProfiles: profiles })), pod, SHOP);
  if (!fit.fits) return 'refused';
  const result = applyChanges(pod, fit.changes, {});
  const written = result.metadata.annotations?.[SECCOMP_POD_ANNOTATION];
  const podField = result.spec.securityContext?.seccompProfile;
  const ofContainer = firstContainer(result).securityContext?.seccompProfile;
  return {
    ...(written && { annotation: written }),
    ...(podField && { field: podField }),
    ...(ofContainer && { container: ofContainer }),
  };
}

describe('seccomp', () => {
  it.each<[string, string[] | null, Asked, Seen]>([
    ['nothing allowed, nothing asked', null, {}, {}],
    ['nothing allowed, a profile asked', null, { field: RUNTIME }, 'refused'],
    ['nothing allowed, a profile asked by annotation', [], { annotation: 'runtime/default' }, 'refused'],
    ['nothing allowed, a profile asked for a container', null, { container: UNCONFINED }, 'refused'],
    [
      'the first profile is the default, in both places',
      ['runtime/default'],
      {},
      { annotation: 'runtime/default', field: RUNTIME },
    ],
    ['the wildcard is no default', ['*'], {}, {}],
    [
      'the first after the wildcard is',
      ['*', 'localhost/a.json'],
      {},
      { annotation: 'localhost/a.json', field: local('a.json') },
    ],
    ['the wildcard accepts anything', ['*'], { field: UNCONFINED }, { annotation: 'unconfined', field: UNCONFINED }],
    [
      'a field is repeated in the annotation',
      ['runtime/default'],
      { field: RUNTIME },
      { annotation: 'runtime/default', field: RUNTIME },
    ],
    [
      'an annotation is repeated in the field',
      ['localhost/a.json'],
      { annotation: 'localhost/a.json' },
      { annotation: 'localhost/a.json', field: local('a.json') },
    ],
    [
      'the annotation outranks the field',
      ['*'],
      { annotation: 'unconfined', field: RUNTIME },
      { annotation: 'unconfined', field: UNCONFINED },
    ],
    [
      'docker/default counts as the default of the runtime',
      ['runtime/default'],
      { annotation: 'docker/default' },
      { annotation: 'docker/default', field: RUNTIME },
    ],
    [
      'and the other way round',
      ['docker/default'],
      { field: RUNTIME },
      { annotation: 'runtime/default', field: RUNTIME },
    ],
    ['another profile', ['runtime/default'], { field: UNCONFINED }, 'refused'],
    ['another file', ['localhost/a.json'], { field: local('b.json') }, 'refused'],
    [
      "a container's own profile",
      ['runtime/default', 'unconfined'],
      { container: UNCONFINED },
      { annotation: 'runtime/default', field: RUNTIME, container: UNCONFINED },
    ],
    ["a container's own profile that is not listed", ['runtime/default'], { container: UNCONFINED }, 'refused'],
    [
      "a container's annotation becomes its field",
      ['*'],
      { containerAnnotation: 'runtime/default' },
      { container: RUNTIME },
    ],
    [
      "a container's annotation outranks its field",
      ['*'],
      { containerAnnotation: 'unconfined', container: RUNTIME },
      { container: UNCONFINED },
    ],
    ["a container's annotation is judged", ['runtime/default'], { containerAnnotation: 'unconfined' }, 'refused'],
    ['a file that names none is not repaired', ['runtime/default'], { field: { type: 'Localhost' } }, 'refused'],
    ['a prefix in the SCC is a literal profile', ['localhost/*'], {}, { annotation: 'localhost/*', field: local('*') }],
    ['and does not match other files', ['localhost/*'], { field: local('a.json') }, 'refused'],
  ])('%s', (_what, profiles, asked, expected) => expect(seen(profiles, asked)).toEqual(expected));
});
