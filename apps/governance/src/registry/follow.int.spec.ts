import { afterEach, describe, expect, it } from '@jest/globals';
import type { MakeInformer } from '@scc/kube';
import { createLogger, waitFor } from '@scc/runtime';
import { defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import { IsNull } from 'typeorm';
import { governanceSuite } from '../suite.fixture.js';
import { followSCCs } from './follow.js';
import { SCCPresenceEntity } from './scc.entity.js';

const database = governanceSuite();
const logger = createLogger('follow-spec', 'silent');

/** The SCCs of a cluster, and the informer that follows them while there is one. */
const cluster = { sccs: new Map<string, SecurityContextConstraints>(), tell: (_name: string): void => undefined };
const makeInformer: MakeInformer = (_kind, tell) => ({
  start: () => (cluster.tell = (name) => tell(name, cluster.sccs.get(name), undefined)),
  stop: () => (cluster.tell = () => undefined),
  synced: Promise.resolve(),
  lastContactMs: () => 0,
  list: () => [...cluster.sccs.values()],
});
const followers: { stop: () => Promise<void> }[] = [];
function follow() {
  const follower = followSCCs({ source: database.app, makeInformer, logger });
  followers.push(follower);
  return follower;
}
afterEach(async () => {
  await Promise.all(followers.splice(0).map((follower) => follower.stop()));
});

function edit(over: Partial<SecurityContextConstraints>): void {
  const [scc] = defaultSCCs();
  if (!scc) throw new Error('there are default SCCs');
  cluster.sccs.set('edited', { ...scc, ...over, metadata: { name: 'edited' } });
  cluster.tell('edited');
}
const present = () => database.app.getRepository(SCCPresenceEntity).findOneBy({ name: 'edited', presentTo: IsNull() });
const confirmed = () =>
  waitFor(async () => (await present())?.confirmedAt, { timeoutMs: 10_000, what: 'the SCC to be confirmed' });
const replaced = (id: string | undefined) =>
  waitFor(
    async () => {
      const found = await present();
      return found && found.id !== id ? found : undefined;
    },
    { timeoutMs: 10_000, what: 'the other content to be entered' },
  );

describe('SCCs that are followed', () => {
  it('are dated exactly while they are, and from the last look on where they were not', async () => {
    edit({ priority: 1 });
    const first = follow();
    const known = await confirmed();
    const before = await present();
    expect(before?.unseenFrom).toBeNull();
    edit({ priority: 2 });
    const seen = await replaced(before?.id);
    expect(seen.unseenFrom).toBeNull();
    await first.stop();

    edit({ priority: 3 });
    follow();
    expect((await replaced(seen.id)).unseenFrom?.getTime()).toBeGreaterThanOrEqual(known.getTime());
  });
});
