import { constants } from 'node:os';
import { z } from 'zod';

/** The choices of the caller of `startStack`. */
export const stackOptionsSchema = z.object({
  nodes: z.int().min(1).max(20).default(1),
  parts: z
    .object({
      mesh: z.boolean().default(true),
      temporal: z.boolean().default(true),
      postgres: z.boolean().default(true),
      prometheus: z.boolean().default(true),
      governance: z.boolean().default(true),
      worker: z.boolean().default(true),
      watcher: z.boolean().default(true),
    })
    .prefault({}),
  /** `kubernetes`: the project's webhook admits pods by SCC. `openshift`: it does not. */
  sccMode: z.enum(['kubernetes', 'openshift']).default('kubernetes'),
  /** Lets everything but pods and proxies run only while no other process wants the processor: for a quiet machine alone. */
  background: z.boolean().default(false),
  /** Lets the API server write down what the product's processes ask it for: logs/requests.jsonl. */
  recordRequests: z.boolean().default(false),
  /** Leaves the cluster without anything of the product: others install it. */
  empty: z.boolean().default(false),
  /** Namespaces beside the product's whose Services are served at their cluster addresses. */
  served: z.array(z.string()).default([]),
  /** How many pods each product process has. */
  replicas: z
    .object({
      governance: z.int().min(1).default(1),
      worker: z.int().min(1).default(1),
      watcher: z.int().min(1).default(1),
    })
    .prefault({}),
  /** More environment for a product process. */
  env: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});
export type StackOptions = z.input<typeof stackOptionsSchema>;
export type ResolvedOptions = z.infer<typeof stackOptionsSchema>;

export const bootSchema = z.object({
  stateDir: z.string(),
  /** Ports on the outside loopback by relay name: the certificates and kubeconfigs name them. */
  ports: z.record(z.string(), z.int()),
  binaries: z.record(z.string(), z.string()),
  crds: z.array(z.string()),
  options: stackOptionsSchema,
});
export type Boot = z.infer<typeof bootSchema>;

/** Requests from the outside to the inside. */
export const requestSchema = z.discriminatedUnion('do', [
  z.object({ id: z.int(), do: z.literal('boot'), boot: bootSchema }),
  z.object({ id: z.int(), do: z.literal('start'), part: z.string() }),
  z.object({ id: z.int(), do: z.literal('stop'), part: z.string() }),
  z.object({ id: z.int(), do: z.literal('kill'), part: z.string() }),
  z.object({
    id: z.int(),
    do: z.literal('signal'),
    part: z.string(),
    signal: z.custom<NodeJS.Signals>((value) => typeof value === 'string' && value in constants.signals),
  }),
  z.object({ id: z.int(), do: z.literal('state'), part: z.string() }),
  z.object({ id: z.int(), do: z.literal('shutdown') }),
]);
export type Request = z.infer<typeof requestSchema>;

/** Messages from the inside to the outside. */
export const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hello'), pid: z.int() }),
  z.object({ kind: z.literal('done'), id: z.int(), result: z.string().optional() }),
  z.object({ kind: z.literal('failed'), id: z.int(), message: z.string() }),
  z.object({ kind: z.literal('progress'), text: z.string(), ms: z.number() }),
  z.object({ kind: z.literal('exited'), part: z.string(), detail: z.string() }),
]);
export type Message = z.infer<typeof messageSchema>;
