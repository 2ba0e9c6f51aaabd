import { PLAN_ANNOTATION, PLAN_LABEL } from '@scc/plan';
import { SCC_ANNOTATION, SUBJECT_TYPE_ANNOTATION } from '@scc/scc';
import { z } from 'zod';

/** The part of a pod by which tracking knows it; everything else stays in the thread. */
export interface SeenPod {
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly ownerReferences: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image?: string }[] };
}

const LABELS = new Set([PLAN_LABEL, 'pod-template-hash']);
const ANNOTATIONS = new Set([PLAN_ANNOTATION, SCC_ANNOTATION, SUBJECT_TYPE_ANNOTATION]);

const only = (names: ReadonlySet<string>) =>
  z
    .record(z.string(), z.string())
    .nullish()
    .transform((all) => Object.fromEntries(Object.entries(all ?? {}).filter(([name]) => names.has(name))));

const seenSchema = z.object({
  metadata: z.object({
    uid: z.string().min(1),
    namespace: z.string(),
    name: z.string(),
    labels: only(LABELS),
    annotations: only(ANNOTATIONS),
    ownerReferences: z
      .array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().exactOptional() }))
      .nullish()
      .transform((owners) => owners ?? []),
  }),
  spec: z.object({
    nodeName: z.string().exactOptional(),
    // Tracking shows the first image.
    containers: z.array(z.object({ image: z.string().exactOptional() })).transform((all) => all.slice(0, 1)),
  }),
});

/** Undefined when the object has no uid yet or is not a pod. */
export const seenPod = (object: unknown): SeenPod | undefined => seenSchema.safeParse(object).data;
