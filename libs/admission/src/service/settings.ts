import { z } from 'zod';
import type { RotationTiming } from '@scc/tls';
import type { HookConfig } from '../hooks/hook.js';

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
const HOUR_MS = 60 * 60_000;
const ms = z.coerce.number().int().min(0);

/**
 * The environment of the webhook beside WEBHOOK_HOST, WEBHOOK_PORT, TLS_DIR, SCC_MODE and DRAIN_MS; spread it into the
 * schema of the process.
 */
export const admissionSettings = {
  WEBHOOK_TLS: z
    .enum(['files', 'secret'])
    .default('files')
    .describe('files: TLS_DIR is kept current by another program. secret: certificates are made and rotated here'),
  WEBHOOK_TLS_DIR: z.string().optional().describe('the folder of the webhook where it is another than TLS_DIR'),
  WEBHOOK_TLS_SECRET: z.string().default('scc-system/scc-webhook-tls').describe('NAMESPACE/NAME of that Secret'),
  WEBHOOK_ENTRIES_FILE: z
    .string()
    .optional()
    .describe(
      'the entries of both webhook configurations, which are written there while the webhook answers. Unset: another tool keeps them, with their caBundle',
    ),
  WEBHOOK_NAMES: list
    .prefault('governance-webhook.scc-system.svc,governance-webhook.scc-system.svc.cluster.local')
    .describe('DNS names and IP addresses in the certificates made here, separated by commas'),
  WEBHOOK_AUTHORITY_HOURS: z.coerce
    .number()
    .positive()
    .default(365 * 24)
    .describe('how long an authority lives'),
  WEBHOOK_LEAF_HOURS: z.coerce
    .number()
    .positive()
    .default(30 * 24)
    .describe('how long a certificate lives'),
  WEBHOOK_SETTLE_MS: ms
    .default(30_000)
    .describe('how long a new authority must be known to the API server before it signs what is served'),
  WEBHOOK_BUDGET_MS: ms.min(50).max(10_000).default(1000).describe('how long one answer may take'),
  WEBHOOK_CLIENT_CA_FILE: z
    .string()
    .optional()
    .describe('the CA of the client certificate by which the API server proves itself to webhooks, as PEM'),
  WEBHOOK_CLIENT_REQUIRED: z.stringbool().default(false).describe('true refuses callers without that certificate'),
  WEBHOOK_WORKLOADS: z
    .enum(['warn', 'deny'])
    .default('warn')
    .describe('what happens to workloads whose pods no SCC would admit, unless their namespace is labelled otherwise'),
  WEBHOOK_EXEC: z.stringbool().default(true).describe('whether exec and attach are checked; keeps all pods in memory'),
  WEBHOOK_GUARDED_SCCS: list.describe('SCC=SUBJECT|SUBJECT: who alone may be granted an SCC'),
} as const;

export interface AdmissionConfig extends HookConfig {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Holds tls.crt, tls.key and ca.crt where `tls` is `files`. */
  readonly tlsDir: string;
  readonly tls: 'files' | 'secret';
  readonly tlsSecret: { readonly namespace: string; readonly name: string };
  /** Undefined: the webhook configurations are somebody else's. */
  readonly entriesFile: string | undefined;
  readonly names: readonly string[];
  readonly rotation: RotationTiming;
  readonly budgetMs: number;
  readonly drainMs: number;
  readonly clientCaFile: string | undefined;
  readonly clientRequired: boolean;
}

type Environment = z.output<z.ZodObject<typeof admissionSettings>> & {
  WEBHOOK_HOST: string;
  WEBHOOK_PORT: number;
  TLS_DIR?: string | undefined;
  SCC_MODE: 'kubernetes' | 'openshift';
  DRAIN_MS: number;
  ENGINE_SERVICE_ACCOUNT: string;
};

const secretOf = (text: string): { namespace: string; name: string } => {
  const [namespace, name, ...rest] = text.split('/');
  if (!namespace || !name || rest.length > 0) throw new RangeError(`${text} is not NAMESPACE/NAME`);
  return { namespace, name };
};

const guardOf = (text: string): [string, ReadonlySet<string>] => {
  const at = text.indexOf('=');
  if (at < 1) throw new RangeError(`${text} is not SCC=SUBJECT|SUBJECT`);
  return [
    text.slice(0, at),
    new Set(
      text
        .slice(at + 1)
        .split('|')
        .filter(Boolean),
    ),
  ];
};

/** The webhook's configuration from the parsed environment of the process. */
export const admissionConfigOf = (env: Environment): AdmissionConfig => ({
  host: env.WEBHOOK_HOST,
  port: env.WEBHOOK_PORT,
  mode: env.SCC_MODE,
  tlsDir: env.WEBHOOK_TLS_DIR ?? env.TLS_DIR ?? '',
  tls: env.WEBHOOK_TLS,
  tlsSecret: secretOf(env.WEBHOOK_TLS_SECRET),
  entriesFile: env.WEBHOOK_ENTRIES_FILE,
  names: env.WEBHOOK_NAMES,
  rotation: {
    authorityLifeMs: env.WEBHOOK_AUTHORITY_HOURS * HOUR_MS,
    leafLifeMs: env.WEBHOOK_LEAF_HOURS * HOUR_MS,
    settleMs: env.WEBHOOK_SETTLE_MS,
  },
  budgetMs: env.WEBHOOK_BUDGET_MS,
  drainMs: env.DRAIN_MS,
  clientCaFile: env.WEBHOOK_CLIENT_CA_FILE,
  clientRequired: env.WEBHOOK_CLIENT_REQUIRED,
  workloads: env.WEBHOOK_WORKLOADS,
  checkExec: env.WEBHOOK_EXEC,
  guarded: new Map(env.WEBHOOK_GUARDED_SCCS.map(guardOf)),
  engine: env.ENGINE_SERVICE_ACCOUNT,
});
