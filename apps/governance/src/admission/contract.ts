import type { KubeClient, MakeInformer } from '@scc/kube';
import type { Logger } from '@scc/runtime';
import type { Registry } from 'prom-client';
import type { AdmissionConfig } from './settings.js';

/** What admission saw of a pod that is about to exist. A hint only: the cluster may still refuse the pod. */
export interface PodHint {
  /** As the API server will store it: with its uid, name and final annotations. */
  readonly pod: unknown;
  readonly operation: 'CREATE' | 'UPDATE';
  readonly scc: string;
  readonly subjectType: string;
  /** JSON pointers of the fields that admission wrote to this pod or its siblings. */
  readonly mutations: readonly string[];
}

export interface AdmissionDeps {
  readonly config: AdmissionConfig;
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'replace' | 'patch' | 'subjectAccessReview'>;
  readonly makeInformer: MakeInformer;
  readonly logger: Logger;
  /** Called after an answer was sent, and only for callers that proved to be the API server. Must not block. */
  readonly onPod: (hint: PodHint) => void;
}

export interface Admission {
  /** Where it listens; differs from the configured port when that is 0. */
  readonly port: number;
  /** A reason why reviews can not be answered properly now, or null. */
  ready(): string | null;
  readonly metrics: Registry;
  /** Stops being ready, keeps answering for `drainMs`, then ends. */
  stop(): Promise<void>;
}

/** Starts the admission webhook. Resolves when it listens; `ready` says when its memory of the cluster is complete. */
export type StartAdmission = (deps: AdmissionDeps) => Promise<Admission>;
