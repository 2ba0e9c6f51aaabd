import { z } from 'zod';
import type {
  Conflict,
  PreImage,
  Split,
  Survey,
  Surveyed,
  SurveyRequest,
  TrafficRouter,
  UndividedWay,
  Verified,
} from './router.js';
import { holdingTesters } from './testers.js';

/** One of the routers that move together. */
export interface RouterPart {
  /** By which a survey names it; it stays what it is, since surveys are kept. */
  name: string;
  router: TrafficRouter;
}

const partsSchema = z.object({ parts: z.array(z.object({ router: z.string(), routes: z.unknown() })) });

interface Party {
  /** Waits until all have come; coming again is nothing. */
  come: () => Promise<void>;
  /** It ended without coming; an error lets those fail who wait. */
  leave: (error?: unknown) => void;
}

/** Who moves together: each waits for all others, unless one of them fails first. */
function meeting(size: number): Party[] {
  const all = Promise.withResolvers<undefined>();
  // Nobody may be waiting when it fails.
  all.promise.catch(() => undefined);
  let missing = size;
  return Array.from({ length: size }, (): Party => {
    let isHere = false;
    const arrive = (): void => {
      if (isHere) return;
      isHere = true;
      missing -= 1;
      if (missing === 0) all.resolve(undefined);
    };
    return {
      come: async () => {
        arrive();
        await all.promise;
      },
      leave: (error) => {
        if (error === undefined) arrive();
        else all.reject(error);
      },
    };
  });
}

/** The answers of all parties, once each has ended: none is left at work behind a failure. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(work);
  const failed = ended.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

const NO_MESH = 'NotServedByMesh';
const hasWork = ({ ways, takesPart }: Surveyed): boolean => ways.length > 0 || takesPart === true;
const lacksMesh = ({ violations }: Surveyed): boolean => violations.some(({ code }) => code === NO_MESH);
const PAST_GATEWAYS =
  'no proxy of the mesh routes to the workload: callers that pass no gateway reach its own pods, and are not divided';

/**
 * Moves all ways of a workload together, each by the router of its kind. A survey asks every router; from then on only
 * those take part that divide something. None writes before all of them can, and a step ends when all of them say so.
 */
export class CompositeRouter implements TrafficRouter {
  /**
   * @param parts in the order in which they are asked; each is told which Services the ones before it route
   * @param first the name of the part whose surveys were kept before there were several
   */
  constructor(
    private readonly parts: readonly RouterPart[],
    private readonly first: string,
    /** Takes part alone, where no mesh serves the workload and none of the others divides anything. */
    private readonly last: RouterPart | null = null,
  ) {}

  async survey(request: SurveyRequest): Promise<Surveyed> {
    const found: { part: RouterPart; surveyed: Surveyed }[] = [];
    const routed: string[] = [];
    for (const part of this.parts) {
      const surveyed = await part.router.survey({ ...request, routed });
      routed.push(...(surveyed.routed ?? []));
      found.push({ part, surveyed });
    }
    const dividing = found.filter(({ surveyed }) => hasWork(surveyed) && !lacksMesh(surveyed));
    if (
      dividing.length === 0 &&
      this.last &&
      request.services.length > 0 &&
      found.some(({ surveyed }) => lacksMesh(surveyed))
    )
      return this.alone(
        this.last,
        request,
        found.flatMap(({ surveyed }): UndividedWay[] => surveyed.undivided ?? []),
      );
    // Where nothing divides the workload, the first router says why, and keeps a workload without Services as it was.
    const taking = dividing.length > 0 ? dividing : found.filter(({ part }) => part.name === this.first);
    const parts = taking.map(({ part, surveyed }) => ({ router: part.name, routes: surveyed.survey.routes }));
    const isLeft = (one: (typeof found)[number]): boolean => !taking.includes(one) && lacksMesh(one.surveyed);
    return {
      survey: { request, routes: { parts } },
      ways: taking.flatMap(({ surveyed }) => surveyed.ways),
      undivided: found.flatMap(({ surveyed }): UndividedWay[] => surveyed.undivided ?? []),
      ...(taking.length > 0 && taking.every(({ surveyed }) => surveyed.mirrorsNothing) ? { mirrorsNothing: true } : {}),
      routed,
      violations: found.filter((one) => !isLeft(one)).flatMap(({ surveyed }) => surveyed.violations),
      // Several may say the same of a plan.
      warnings: [
        ...new Set([
          ...taking.flatMap(({ surveyed }) => surveyed.warnings),
          ...(found.some(isLeft) ? [PAST_GATEWAYS] : []),
        ]),
      ],
    };
  }

  /** The survey of the router that is there where the others are not. */
  private async alone(
    { name, router }: RouterPart,
    request: SurveyRequest,
    undivided: UndividedWay[],
  ): Promise<Surveyed> {
    const found = await router.survey(request);
    const parts = [{ router: name, routes: found.survey.routes }];
    return { ...found, survey: { request, routes: { parts } }, undivided: [...undivided, ...(found.undivided ?? [])] };
  }

  async preImages(survey: Survey): Promise<PreImage[]> {
    return (await allOf(this.surveys(survey).map(({ router, own }) => router.preImages(own)))).flat();
  }

  async prepare(survey: Survey): Promise<void> {
    // Proxies that serve several ways would show one way's testers while another still proves that it has none.
    await allOf(this.surveys(holdingTesters(survey)).map(({ router, own }) => router.prepare(own)));
    if (survey.request.testers) await this.split(survey, { canary: 0, mirror: null });
  }

  async split(survey: Survey, split: Split, together?: () => Promise<void>): Promise<Verified> {
    const surveys = this.surveys(survey);
    const parties = meeting(surveys.length);
    const isPartial = surveys.length > 1 || split.mirror?.isPartial === true;
    const wanted = split.mirror && isPartial ? { ...split, mirror: { ...split.mirror, isPartial } } : split;
    const moved = surveys.map(async ({ router, own }, index) => {
      const party = parties[index];
      const begin = async (): Promise<void> => {
        await party?.come();
        await together?.();
      };
      try {
        const answer = await router.split(own, wanted, begin);
        party?.leave();
        return answer;
      } catch (error) {
        party?.leave(error);
        throw error;
      }
    });
    const answers = await allOf(moved);
    const shares = answers.flatMap((one) => one.shares ?? []);
    return {
      verifiedBy: answers.some(({ verifiedBy }) => verifiedBy === 'bound') ? 'bound' : 'proxies',
      ...(shares.length > 0 ? { shares } : {}),
    };
  }

  async drift(survey: Survey, split: Split): Promise<Conflict | null> {
    for (const { router, own } of this.surveys(survey)) {
      const drift = await router.drift(own, split);
      if (drift) return drift;
    }
    return null;
  }

  async connected(): Promise<ReadonlySet<string> | null> {
    const answers = await allOf(this.parts.map(async ({ router }) => (await router.connected?.()) ?? null));
    const known = answers.filter((answer) => answer !== null);
    return known.length > 0 ? new Set(known.flatMap((ids) => [...ids])) : null;
  }

  async restore(survey: Survey, images: PreImage[]): Promise<Conflict[]> {
    return (await allOf(this.surveys(survey).map(({ router, own }) => router.restore(own, images)))).flat();
  }

  private surveys({ request, routes }: Survey): { router: TrafficRouter; own: Survey }[] {
    const kept = partsSchema.safeParse(routes);
    const parts = kept.success ? kept.data.parts : [{ router: this.first, routes }];
    return parts.map((one) => {
      const part = [...this.parts, ...(this.last ? [this.last] : [])].find(({ name }) => name === one.router);
      if (!part) throw new Error(`the survey names the router ${one.router}, which this worker does not have`);
      return { router: part.router, own: { request, routes: one.routes } };
    });
  }
}
