import { behaviourOf, imageOf, type Behaviour } from './behaviour.js';
import { aPod } from './pod.fixture.js';

const NON_ROOT = { securityContext: { runAsUser: 1000 } };

function behaviour(image: string, spec: object = {}, container: object = {}, metadata: object = {}): Behaviour {
  const made = aPod(spec, { image, ...container }, metadata);
  const found = imageOf(image);
  if (!found) throw new Error(`no image ${image}`);
  return behaviourOf(made.pod, made.container, found);
}

describe('imageOf', () => {
  it.each([
    ['scc.poc/healthy:1', { name: 'healthy', uid: 0 }],
    ['scc.poc/slow-start:2-nonroot', { name: 'slow-start', uid: 65532 }],
    ['scc.poc/unknown:1', null],
    ['docker.io/library/nginx:1', null],
  ])('%s', (reference, expected) => {
    expect(imageOf(reference)).toEqual(expected);
  });
});

describe('behaviourOf', () => {
  it.each<[string, Behaviour, Partial<Behaviour>]>([
    ['healthy is ready at once', behaviour('scc.poc/healthy:1'), { dies: null, readyAfterMs: 0, ports: [8080] }],
    ['slow-start takes a while', behaviour('scc.poc/slow-start:1'), { readyAfterMs: 5000 }],
    ['never-ready never is', behaviour('scc.poc/never-ready:1'), { readyAfterMs: Infinity, dies: null }],
    ['slow answers late', behaviour('scc.poc/slow:1'), { latencyMs: 200 }],
    ['errors-under-load breaks as any user', behaviour('scc.poc/errors-under-load:1'), { errorsAboveRps: 15 }],
    ['errors-unless-root holds as root', behaviour('scc.poc/errors-unless-root:1'), { errorsAboveRps: Infinity }],
    [
      'errors-unless-root breaks as another user',
      behaviour('scc.poc/errors-unless-root:1', NON_ROOT, { env: [{ name: 'ERRORS_ABOVE_RPS', value: '3' }] }),
      { errorsAboveRps: 3, retriesSucceed: true },
    ],
    ['needs-root runs as root', behaviour('scc.poc/needs-root:1'), { dies: null }],
    [
      'needs-root dies otherwise',
      behaviour('scc.poc/needs-root:1', NON_ROOT),
      { dies: 'must run as root, not as uid 1000' },
    ],
    ['batch ends by itself', behaviour('scc.poc/batch:1'), { dies: null, endsAfterMs: 1000 }],
    ['healthy does not', behaviour('scc.poc/healthy:1'), { endsAfterMs: Infinity }],
    [
      'batch-as-root dies as another user',
      behaviour('scc.poc/batch-as-root:1', NON_ROOT),
      { dies: 'must run as root, not as uid 1000' },
    ],
    ['port-80 binds as root', behaviour('scc.poc/port-80:1'), { dies: null, ports: [80] }],
    [
      'port-80 dies without the right to bind',
      behaviour('scc.poc/port-80:1', NON_ROOT),
      { dies: 'listen tcp 0.0.0.0:80: bind: permission denied' },
    ],
    [
      'writes-volume dies when the files belong to another user',
      behaviour('scc.poc/writes-volume:1', NON_ROOT),
      { dies: 'open /data/ledger.db: permission denied' },
    ],
    [
      'writes-volume writes when fsGroup hands it the files',
      behaviour('scc.poc/writes-volume:1', { securityContext: { runAsUser: 1000, fsGroup: 1000 } }),
      { dies: null },
    ],
    [
      'writes-volume writes its own files',
      behaviour('scc.poc/writes-volume:1', NON_ROOT, { env: [{ name: 'VOLUME_OWNER', value: '1000:1000' }] }),
      { dies: null },
    ],
    [
      'needs-root-unless-canary works as a canary',
      behaviour('scc.poc/needs-root-unless-canary:1', NON_ROOT, {}, { labels: { 'scc.poc/role': 'canary' } }),
      { dies: null },
    ],
    [
      'needs-root-unless-canary dies as the workload itself',
      behaviour('scc.poc/needs-root-unless-canary:1', NON_ROOT),
      { dies: 'must run as root, not as uid 1000' },
    ],
  ])('%s', (_case, actual, expected) => {
    expect(actual).toMatchObject(expected);
  });
});
