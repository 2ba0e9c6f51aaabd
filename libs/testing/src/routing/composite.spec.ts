import { CompositeRouter, type Split, type Surveyed, type TrafficRouter } from '@scc/routing';
import { trafficRouterContract } from './contract.js';
import { ALONE, aFakeWorld, aMesh, SHARED } from './fake-world.fixture.js';
import { FakeRouter } from './fake-router.js';

/** Two routes of one workload, each in a mesh of its own with a router of its own. */
const aWorld = () =>
  aFakeWorld({
    meshes: [aMesh(structuredClone([ALONE])), aMesh(structuredClone([SHARED]))],
    routerOf: ([first = aMesh([]), second = aMesh([])], called) =>
      new CompositeRouter(
        [
          { name: 'first', router: new FakeRouter(first, called) },
          { name: 'second', router: new FakeRouter(second, called) },
        ],
        'second',
      ),
  });

trafficRouterContract(() => Promise.resolve(aWorld()));

const at50: Split = { canary: 50, mirror: null };
const { request } = aWorld();
const way = (name: string) => ({ kind: 'Route', name, dividedBy: 'Istio' as const });

/** A router that finds what it is told to find and divides as the test says. */
function aRouter(found: Partial<Surveyed>, split: TrafficRouter['split'] = divides): TrafficRouter {
  const unused = () => Promise.reject(new Error('not asked for'));
  return {
    survey: (asked) =>
      Promise.resolve({ survey: { request: asked, routes: 'mine' }, ways: [], violations: [], warnings: [], ...found }),
    split,
    preImages: unused,
    prepare: unused,
    drift: unused,
    restore: unused,
  };
}
const divides: TrafficRouter['split'] = async (_survey, _split, together) => {
  await together?.();
  return { verifiedBy: 'proxies' };
};
const noMesh = { code: 'NotServedByMesh', field: 'f', message: 'm', remedy: 'r' };

describe('routers that move together', () => {
  it('write nothing when one of them cannot begin', async () => {
    const written: string[] = [];
    const first = aRouter({ ways: [way('a')] }, async (_survey, _split, together) => {
      await together?.();
      written.push('first');
      return { verifiedBy: 'proxies' };
    });
    const second = aRouter({ ways: [way('b')] }, () => Promise.reject(new Error('its endpoints are not known')));
    const parts = [
      { name: 'first', router: first },
      { name: 'second', router: second },
    ];
    const composite = new CompositeRouter(parts, 'first');
    const { survey } = await composite.survey(request);
    await expect(composite.split(survey, at50)).rejects.toThrow('its endpoints are not known');
    expect(written).toEqual([]);
  });

  it('mirror nothing only where none of them does, and say which shares are not exact', async () => {
    const share = { kind: 'Route', name: 'a', share: 9.86 };
    const rounding: TrafficRouter['split'] = async (_survey, _split, together) => {
      await together?.();
      return { verifiedBy: 'bound', shares: [share] };
    };
    const silent = { name: 'silent', router: aRouter({ ways: [way('a')], mirrorsNothing: true }, rounding) };
    const idle = { name: 'idle', router: aRouter({}) };
    const alone = new CompositeRouter([silent, idle], 'idle');
    await expect(alone.survey(request)).resolves.toMatchObject({ mirrorsNothing: true });
    const both = new CompositeRouter([silent, { name: 'other', router: aRouter({ ways: [way('b')] }) }], 'other');
    const { survey, mirrorsNothing } = await both.survey(request);
    expect(mirrorsNothing).toBeUndefined();
    await expect(both.split(survey, at50)).resolves.toEqual({ verifiedBy: 'bound', shares: [share] });
  });

  it('do not wait for one that has nothing to write', async () => {
    const idle: TrafficRouter['split'] = () => Promise.resolve({ verifiedBy: 'bound' });
    const parts = [
      { name: 'first', router: aRouter({ ways: [way('a')] }) },
      { name: 'second', router: aRouter({ ways: [way('b')] }, idle) },
    ];
    const composite = new CompositeRouter(parts, 'first');
    const { survey } = await composite.survey(request);
    expect(await composite.split(survey, at50)).toEqual({ verifiedBy: 'bound' });
  });

  it('go on from a survey that was kept when there was one router', async () => {
    const asked: unknown[] = [];
    const router = aRouter({}, (survey) => {
      asked.push(survey.routes);
      return Promise.resolve({ verifiedBy: 'proxies' });
    });
    const composite = new CompositeRouter([{ name: 'first', router }], 'first');
    await composite.split({ request, routes: { divided: [] } }, at50);
    expect(asked).toEqual([{ divided: [] }]);
  });

  it('refuse a survey of a router that is not there', async () => {
    const composite = new CompositeRouter([{ name: 'first', router: aRouter({}) }], 'first');
    const survey = { request, routes: { parts: [{ router: 'other', routes: null }] } };
    await expect(composite.split(survey, at50)).rejects.toThrow('names the router other');
  });
});

describe('a survey of several routers', () => {
  const surveyOf = (gateway: Partial<Surveyed>, mesh: Partial<Surveyed>) =>
    new CompositeRouter(
      [
        { name: 'gateway', router: aRouter(gateway) },
        { name: 'mesh', router: aRouter(mesh) },
      ],
      'mesh',
    ).survey(request);
  const partsOf = ({ survey }: Surveyed): unknown[] =>
    (survey.routes as { parts: { router: string }[] }).parts.map(({ router }) => router);

  it('names the ways of all', async () => {
    const surveyed = await surveyOf({ ways: [way('a')] }, { ways: [way('b')] });
    expect(surveyed.ways).toEqual([way('a'), way('b')]);
    expect(partsOf(surveyed)).toEqual(['gateway', 'mesh']);
  });

  it('leaves out one that divides nothing', async () => {
    expect(partsOf(await surveyOf({}, { ways: [way('b')] }))).toEqual(['mesh']);
  });

  it('keeps one that divides nothing and has policies to copy', async () => {
    expect(partsOf(await surveyOf({ ways: [way('a')] }, { takesPart: true }))).toEqual(['gateway', 'mesh']);
  });

  it('does without the mesh where a gateway divides, and says what that means', async () => {
    const surveyed = await surveyOf({ ways: [way('a')] }, { violations: [noMesh] });
    expect(partsOf(surveyed)).toEqual(['gateway']);
    expect(surveyed.violations).toEqual([]);
    expect(surveyed.warnings.join()).toContain('callers that pass no gateway');
  });

  it('says that there is no mesh where nothing divides', async () => {
    expect((await surveyOf({}, { violations: [noMesh] })).violations).toEqual([noMesh]);
  });

  it('leaves all to the last router where there is no mesh and nothing divides, and to none of them elsewhere', async () => {
    const last = { name: 'pods', router: aRouter({ ways: [way('c')] }) };
    const surveyedBy = (gateway: Partial<Surveyed>, mesh: Partial<Surveyed>) =>
      new CompositeRouter(
        [
          { name: 'gateway', router: aRouter(gateway) },
          { name: 'mesh', router: aRouter(mesh) },
        ],
        'mesh',
        last,
      ).survey(request);
    const alone = await surveyedBy({}, { violations: [noMesh] });
    expect(partsOf(alone)).toEqual(['pods']);
    expect(alone).toMatchObject({ ways: [way('c')], violations: [] });
    expect(partsOf(await surveyedBy({ ways: [way('a')] }, { violations: [noMesh] }))).toEqual(['gateway']);
    expect(partsOf(await surveyedBy({}, { ways: [way('b')] }))).toEqual(['mesh']);
  });

  it('tells each router which Services the others route within the mesh', async () => {
    let told: readonly string[] | undefined;
    const mesh: TrafficRouter = {
      ...aRouter({}),
      survey: (asked) => {
        told = asked.routed;
        return aRouter({}).survey(asked);
      },
    };
    const gateway = aRouter({ ways: [way('a')], routed: ['ledger'] });
    const parts = [
      { name: 'gateway', router: gateway },
      { name: 'mesh', router: mesh },
    ];
    await new CompositeRouter(parts, 'mesh').survey(request);
    expect(told).toEqual(['ledger']);
  });
});
