import type { Violation, WayIn } from '@scc/plan';

/** A Service and the Service of its canary, in one namespace. */
export interface ServicePair {
  name: string;
  canary: string;
}

/** The one label by which canary pods differ from stable pods. */
export interface LabelSwitch {
  key: string;
  stable: string;
  canary: string;
}

/** Requests with this header, spelled in small letters, and exactly this value. */
export interface Testers {
  header: string;
  value: string;
  /** For now they go where all others do. */
  isHeld?: boolean;
}

/** The cookie by which a client that met the canary comes back to it. */
export interface Affinity {
  cookie: string;
  /** Of this plan alone: a cookie that another one left counts for nothing. */
  value: string;
  /** How long a client keeps it, in seconds. */
  maxAgeS: number;
}

export interface SurveyRequest {
  namespace: string;
  services: ServicePair[];
  label: LabelSwitch;
  /** Labels of the workload's pods: destinations that pick other pods by labels are not divided. */
  podLabels?: Record<string, string>;
  /** Labels that every object made for the migration carries. */
  markers: Record<string, string>;
  /** Services whose callers within the mesh are divided by the routes of another router: they need none of their own. */
  routed?: readonly string[];
  /** The mirror that will be asked for, so that a survey can say where there will be none. */
  mirror?: Mirror | null;
  /** Whose requests all go to the canary from its preparation on until the routes are restored, beside its share. */
  testers?: Testers | undefined;
  /** By which clients that met the canary stay there. */
  affinity?: Affinity | undefined;
  /** Namespaces whose proxies need not be seen: the plan accepts that. Absent in surveys from before this was kept. */
  unasked?: readonly string[] | undefined;
  /** The plan, which owns the objects that are made in its namespace. */
  owner?: { apiVersion: string; kind: string; name: string; uid: string };
}

/** The result of a survey: opaque to everyone but the router that made it, and plain data, so that it can be kept. */
export interface Survey {
  request: SurveyRequest;
  routes: unknown;
}

/** An object by what the API server calls it. */
export interface RoutedObject {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
}

export interface PreImage {
  id: RoutedObject;
  /** The object as it was, without what the API server writes; null when it did not exist. */
  manifest: Record<string, unknown> | null;
}

export interface Mirror {
  /** Percent of the matching requests. */
  percentage: number;
  /** Safe: GET, HEAD and OPTIONS only, so that no write happens twice. */
  methods: 'Safe' | 'All';
  /** Some routes of the Services cannot be mirrored: that a proxy mirrors nothing does not say that it is behind. */
  isPartial?: boolean;
}

/** The wanted division: percent of requests for the canary, and the mirror besides. */
export interface Split {
  canary: number;
  mirror: Mirror | null;
  /** On the way back: nobody is led to the canary beside its share any more. */
  isUndo?: boolean;
}

/** How it is known that the requests are divided as asked: seen in the proxies, or only written and waited for. */
export interface Verified {
  verifiedBy: 'proxies' | 'bound';
  /** Of ways whose requests are not divided exactly as asked. */
  shares?: WayShare[];
}

/** The share of a way's requests that the canary really gets. */
export interface WayShare {
  kind: string;
  name: string;
  /** In percent. */
  share: number;
}

/** Something that another client changed meanwhile and that was therefore left as it is. */
export interface Conflict {
  object: string;
  fields: string[];
  manager: string;
}

/** A way of a kind that a router divides, and why it does not divide this one. A plan may accept it by its name. */
export interface UndividedWay {
  kind: string;
  /** NAME in the namespace of the Services, NAMESPACE/NAME elsewhere. */
  name: string;
  code: string;
  /** Completes “KIND NAME leads to the workload, and nothing divides its requests: …”. */
  reason: string;
  remedy: string;
}

export interface Surveyed {
  survey: Survey;
  /** The ways that this router divides. */
  ways: WayIn[];
  undivided?: UndividedWay[];
  /** Divides nothing, and has something to do all the same, such as policies of the mesh to copy. */
  takesPart?: boolean;
  /** Copies of requests are made on none of these ways. */
  mirrorsNothing?: boolean;
  /** Services whose callers within the mesh these ways divide. */
  routed?: string[];
  violations: Violation[];
  warnings: string[];
}

/**
 * How requests reach a workload, and how they are divided between it and its canary. Every verb is idempotent.
 */
export interface TrafficRouter {
  /** Everything that routes to the services now, and why it cannot be divided where it cannot. */
  survey: (request: SurveyRequest) => Promise<Surveyed>;
  preImages: (survey: Survey) => Promise<PreImage[]>;
  /** Makes the canary reachable in all proxies; not one request goes there yet. */
  prepare: (survey: Survey) => Promise<void>;
  /**
   * Divides the requests and returns when the proxies do so; `bound` says that only the time allowed for it was waited,
   * or that no proxy knows the services and the canary gets nothing.
   * @param together waited for right before the first write: routers that move together begin when all of them can
   * @throws RoutesBehind; NotServed when the canary is to get requests and no proxy knows the services
   */
  split: (survey: Survey, split: Split, together?: () => Promise<void>) => Promise<Verified>;
  /** Fields of the routes that are not as set, and their writer; null when all are. */
  drift: (survey: Survey, split: Split) => Promise<Conflict | null>;
  /** The proxies of a mesh that it can ask, as POD.NAMESPACE; null, or absent, where it asks none. */
  connected?: () => Promise<ReadonlySet<string> | null>;
  /** Puts back what was there before the migration. */
  restore: (survey: Survey, images: PreImage[]) => Promise<Conflict[]>;
}
