import { DELIVERY_TOOLS, STRATEGIES } from '@scc/plan';
import { z } from 'zod';
import { CATEGORIES } from './categories.js';

const nextRestartSchema = z.object({
  scc: z.string().nullable().describe('Null when SCC admission refuses the pod or does not look at it.'),
  refusal: z.string().nullable(),
});
export type NextRestart = z.infer<typeof nextRestartSchema>;

const level = z.enum(['restricted', 'baseline', 'privileged']);

export const evidenceSchema = z.discriminatedUnion('source', [
  z.object({
    source: z.literal('running user'),
    container: z.string(),
    uid: z.int().describe('Of its first process, where its image decides it.'),
    seenIn: z.int().describe('Pods that showed it.'),
    pods: z.int().describe('Live pods that were looked at.'),
  }),
  z.object({
    source: z.literal('image'),
    container: z.string(),
    image: z.string().describe('The whole name under which its registry was asked.'),
    digest: z.string().describe('Of what that name pointed to when it was asked.'),
    platform: z.string(),
    user: z.string().describe('USER of its configuration; none is root.'),
    ports: z.array(z.int()).describe('Ports that it says it listens on.'),
    volumes: z.array(z.string()).describe('Directories that it declares as volumes.'),
  }),
  z.object({
    source: z.literal('profile'),
    container: z.string(),
    profile: z.string().describe('Kind and name of the profile of Kubescape.'),
    status: z.string().describe('As the profile has it: ready and learning go on, completed has ended.'),
    fromStart: z.boolean().describe('False: what the container did when it started was not seen.'),
    checked: z.array(z.string()).describe('Capabilities that the kernel was asked about. A check is not a need.'),
  }),
  z.object({
    source: z.literal('recording'),
    container: z.string(),
    profile: z.string().describe('Kind and name of the profile of the Security Profiles Operator.'),
    recording: z.string().describe('The ProfileRecording that it came of.'),
    partial: z.boolean().describe('Of one pod, and not merged with those of others yet.'),
    calls: z.int().nullable().describe('How many system calls were recorded. Null: other things were.'),
    types: z.array(z.string()).describe('SELinux types that it reached, beside its own.'),
    capabilities: z.array(z.string()).describe('Capabilities that it was recorded with.'),
  }),
  z.object({ source: z.literal('image not read'), container: z.string(), image: z.string(), reason: z.string() }),
]);
export type SeenNeed = z.infer<typeof evidenceSchema>;

export const scanRowSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  replicas: z.int().nullable(),
  serviceAccount: z.string(),
  category: z.enum(CATEGORIES),
  pods: z.record(z.string(), z.int()).describe('Live pods by the SCC that admitted them; "" where none did.'),
  current: z.string().nullable().describe('The most privileged SCC seen, else the one of the next restart.'),
  nextRestart: nextRestartSchema,
  leastAsIs: z.string().nullable().describe('The least privileged SCC that admits it as it is, used or not.'),
  target: z.string().nullable().describe('The SCC to move to.'),
  edits: z.array(
    z.object({
      field: z.string(),
      change: z.enum(['set', 'remove']),
      from: z.unknown().optional(),
      to: z.unknown().optional(),
    }),
  ),
  patch: z.record(z.string(), z.unknown()).nullable().describe('Strategic-merge patch of the pod template.'),
  risks: z.array(
    z.object({
      name: z.string(),
      containers: z.array(z.string()),
      cause: z.string(),
      symptom: z.string(),
      check: z.string(),
      remedy: z.string(),
      uncertain: z.boolean(),
    }),
  ),
  blockers: z.array(z.string()).describe('Why the aim cannot be reached.'),
  mayUse: z.array(z.object({ scc: z.string(), through: z.array(z.string()) })),
  podSecurityNow: level.nullable(),
  podSecurityThen: level.nullable(),
  owner: z.object({ by: z.enum(['operator', ...DELIVERY_TOOLS]), name: z.string() }).nullable(),
  ways: z.array(z.object({ kind: z.string(), name: z.string(), divided: z.boolean() })),
  evidence: z
    .array(evidenceSchema)
    .default([])
    .describe('What was seen of its needs, with how much was seen. Other times and other pods may show more.'),
  strategy: z
    .enum(STRATEGIES)
    .nullable()
    .default(null)
    .describe('How a plan would move it: requests divided to a canary, or pods one by one. Null: no plan can.'),
  obstacles: z.array(z.string()).describe('Why a plan cannot move it, whatever its SCC.'),
});
export type ScanRow = z.infer<typeof scanRowSchema>;

export const scanReportSchema = z.object({
  version: z.literal(1),
  aim: z.string(),
  totals: z.object({
    workloads: z.int(),
    byCategory: z.record(z.enum(CATEGORIES), z.int()),
    bySCC: z.record(z.string(), z.int()).describe('Workloads by the SCC that they count as running under.'),
    movable: z.int().default(0).describe('Those in AsIs or Patch that a plan can move.'),
    capturedAtNextRestart: z.int(),
    refusedAtNextRestart: z.int(),
    unreadable: z.int(),
  }),
  assumed: z.array(z.string()),
  changedDefaults: z
    .array(z.object({ scc: z.string(), fields: z.array(z.string()) }))
    .describe('SCCs that OpenShift ships and that were changed here.'),
  rows: z.array(scanRowSchema),
  unreadable: z.array(z.object({ source: z.string(), reason: z.string() })),
});
export type ScanReport = z.infer<typeof scanReportSchema>;
