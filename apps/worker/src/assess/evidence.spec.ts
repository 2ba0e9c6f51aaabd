import { describe, expect, it } from '@jest/globals';
import type { ImageRead } from '@scc/runtime/images';
import { gatherEvidence, imagesReader } from './evidence.js';
import { someFacts } from './facts.fixture.js';
import { changeTemplate } from './template.js';

const NAMED: ImageRead = {
  read: true,
  ...{ reference: 'docker.io/library/ledger:1', digest: `sha256:${'a'.repeat(64)}`, platform: 'linux/amd64' },
  ...{ user: 'www', ports: [80], volumes: [] },
};
const images = (answer: ImageRead) => (asked: Iterable<string>) =>
  Promise.resolve(new Map([...asked].map((image) => [image, answer])));

function workloadOf(pods: object[] = []) {
  const { workload } = someFacts();
  if (!workload) throw new Error('no workload');
  const livePods = pods.map((status, at) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: `ledger-${at}`, namespace: 'shop' } },
    ...{ spec: { containers: [{ name: 'app', image: 'ledger:1' }] }, status },
  }));
  return { ...workload, livePods };
}
const running = (uid: number) => ({ containerStatuses: [{ name: 'app', user: { linux: { uid } } }] });

describe('what is seen of the needs of a workload', () => {
  it('is nothing where neither pods nor registries tell', async () => {
    const none = imagesReader(null);
    expect(await gatherEvidence(workloadOf([{}]), none)).toEqual({ evidence: [], imageUsers: {}, imagePorts: {} });
  });

  it('is the user that runs before the one of the image, each with how much was seen', async () => {
    const { evidence, imageUsers, imagePorts } = await gatherEvidence(workloadOf([running(7), {}]), images(NAMED));
    expect([imageUsers, imagePorts]).toEqual([{ app: '7' }, { app: [80] }]);
    expect(evidence).toMatchObject([
      { source: 'running user', container: 'app', uid: 7, seenIn: 1, pods: 2 },
      { source: 'image', container: 'app', user: 'www', image: 'docker.io/library/ledger:1' },
    ]);
  });

  it('is that of the image that runs, whatever its tag points to by now', async () => {
    const imageID = `docker.io/library/ledger@sha256:${'b'.repeat(64)}`;
    const { evidence, imageUsers } = await gatherEvidence(
      workloadOf([{ containerStatuses: [{ name: 'app', imageID }] }]),
      (asked) => Promise.resolve(new Map([...asked].map((image) => [image, { ...NAMED, reference: image }]))),
    );
    expect(evidence).toMatchObject([{ source: 'image', image: `ledger@sha256:${'b'.repeat(64)}` }]);
    expect(imageUsers).toEqual({ app: 'www' });
  });

  it('names an image that was not read', async () => {
    const gathered = await gatherEvidence(workloadOf(), images({ read: false, reason: 'its registry answered 503' }));
    expect(gathered).toMatchObject({
      evidence: [{ source: 'image not read', image: 'ledger:1', reason: 'its registry answered 503' }],
      imageUsers: {},
    });
  });

  it('refuses a plan whose pods could not start, which the template alone does not show', async () => {
    const facts = someFacts({ spec: { targetSCC: 'nonroot-v2' } });
    const target = facts.sccs.byName.get('nonroot-v2');
    if (!facts.workload || !target) throw new Error('no workload');
    const { template: written } = facts.workload.object['spec'] as { template: unknown };
    const known = await gatherEvidence(facts.workload, images(NAMED));
    expect(await changeTemplate(facts, written, { target })).toMatchObject({ ok: true });
    expect(await changeTemplate(facts, written, { target, images: known })).toMatchObject({
      ok: false,
      violations: [{ message: expect.stringContaining('image-runs-as-root') as unknown }],
    });
  });
});
