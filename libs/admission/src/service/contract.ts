import type { KubeClient, MakeInformer } from '@scc/kube';
import type { Logger } from '@scc/runtime';
import type { Registry } from 'prom-client';
import type { PodHint, WriteHint } from '../review/pod-hint.js';
import type { AdmissionConfig } from './settings.js';

export interface AdmissionDeps {
  readonly config: AdmissionConfig;
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'replace' | 'patch' | 'apply' | 'subjectAccessReview'>;
  readonly makeInformer: MakeInformer;
  readonly logger: Logger;
  /** Called after an answer was sent, and only for callers that proved to be the API server. Must not block. */
  readonly onPod: (hint: PodHint) => void;
  /** The same of a write that may lead to other pods. */
  readonly onWrite: (hint: WriteHint) => void;
}

export interface Admission {
  /** Where it listens; differs from the configured port when that is 0. */
  readonly port: number;
  /** A reason why reviews cannot be answered properly now, or null. */
  ready(): string | null;
  readonly metrics: Registry;
  /** Stops being ready, keeps answering for `drainMs`, then ends. */
  stop(): Promise<void>;
}

/** Starts the admission webhook. Resolves when it listens; `ready` says when its cache of the cluster is complete. */
export type StartAdmission = (deps: AdmissionDeps) => Promise<Admission>;
