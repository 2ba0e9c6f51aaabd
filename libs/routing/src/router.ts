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

export interface SurveyRequest {
  namespace: string;
  services: ServicePair[];
  label: LabelSwitch;
  /** Labels of the workload's pods: destinations that pick other pods by labels are not divided. */
  podLabels?: Record<string, string>;
  /** Labels that every object made for the migration carries. */
  markers: Record<string, string>;
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
}

/** The wanted division: percent of requests for the canary, and the mirror besides. */
export interface Split {
  canary: number;
  mirror: Mirror | null;
}

/** Something that another client changed meanwhile and that was therefore left as it is. */
export interface Conflict {
  object: string;
  fields: string[];
  manager: string;
}

export interface Surveyed {
  survey: Survey;
  /** The ways that this router divides. */
  ways: WayIn[];
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
   * @throws RoutesBehind; NotServed when the canary is to get requests and no proxy knows the services
   */
  split: (survey: Survey, split: Split) => Promise<{ verifiedBy: 'proxies' | 'bound' }>;
  /** Fields of the routes that are not as set, and their writer; null when all are. */
  drift: (survey: Survey, split: Split) => Promise<Conflict | null>;
  /** Puts back what was there before the migration. */
  restore: (survey: Survey, images: PreImage[]) => Promise<Conflict[]>;
}
