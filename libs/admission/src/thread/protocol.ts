import type { AdmissionConfig } from '../service/settings.js';
import type { WriteHint } from '../review/pod-hint.js';
import type { TracingConfig } from '@scc/runtime/tracing';
import type { SeenPod } from './seen-pod.js';

/** The state that the thread starts with. */
export interface ThreadSettings {
  readonly config: AdmissionConfig;
  /** The file; absent, as the pod's ServiceAccount. */
  readonly kubeconfig: string | undefined;
  readonly logLevel: string;
  /** Null when nothing is traced. */
  readonly tracing: TracingConfig | null;
}

/** Requests to the thread; it answers each with the same `id`. */
export type ThreadQuestion = 'ready' | 'metrics' | 'stop';

export type ToThread = { readonly is: ThreadQuestion; readonly id: number } | { readonly is: 'hints-taken' };

export type FromThread =
  | { readonly is: 'started'; readonly port: number }
  | { readonly is: 'answer'; readonly id: number; readonly value: string | null }
  | { readonly is: 'hints'; readonly pods: readonly SeenPod[]; readonly writes: readonly WriteHint[] };
