import { admissionSettings } from '@scc/admission';
import { commonConfig } from '@scc/runtime';
import { imageRegistryConfig } from '@scc/runtime/images';
import { temporalConfig } from '@scc/runtime/temporal-config';
import { tracingConfig } from '@scc/runtime/tracing';
import { z } from 'zod';
import { accessConfig } from './access/settings.js';
import { databaseConfig } from './database/connect.js';
import { notificationConfig } from './notifications/courier.js';

const port = z.coerce.number().int().min(0).max(65535);

const secretName = z
  .string()
  .regex(/^[^/]+\/[^/]+$/, 'must be NAMESPACE/NAME')
  .transform((text) => {
    const [namespace = '', name = ''] = text.split('/');
    return { namespace, name };
  });

/** Where the serving certificates come from has to be said in one way or the other. */
export const namesCertificates = ({
  WEBHOOK_TLS,
  TLS_DIR,
}: {
  WEBHOOK_TLS?: string;
  TLS_DIR?: string | undefined;
}): boolean => WEBHOOK_TLS === 'secret' || TLS_DIR !== undefined;
/** Told beside everything else that is wrong with the environment. */
export const CERTIFICATES_MISSING = {
  path: ['TLS_DIR'],
  error: 'is needed unless WEBHOOK_TLS is secret',
  when: () => true,
};

/** The environment of the governance plane. */
const variables = z.object({
  ...commonConfig,
  ...accessConfig,
  ...admissionSettings,
  ...databaseConfig,
  API_HOST: z.string().default('127.0.0.1').describe('the address that the API listens on'),
  API_PORT: port.default(9443).describe('its port'),
  API_RATE_PER_SECOND: z.coerce.number().int().min(1).default(200).describe('requests that one caller may send'),
  RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(30)
    .max(36_500)
    .default(400)
    .describe('days that pods which are gone, and messages to workflows that were delivered, are kept'),
  WEBHOOK_HOST: z.string().default('127.0.0.1').describe('the address that the admission webhook listens on'),
  WEBHOOK_PORT: port.default(9444).describe('its port'),
  TLS_DIR: z
    .string()
    .optional()
    .describe(
      'a folder with tls.crt, tls.key and ca.crt; read again when they change. Needed unless WEBHOOK_TLS=secret',
    ),
  SCC_MODE: z
    .enum(['kubernetes', 'openshift'])
    .default('kubernetes')
    .describe('kubernetes: admission decides the SCC of pods here. openshift: the cluster does'),
  AUDIT_KEY_FILE: z
    .string()
    .optional()
    .describe('the Ed25519 key that signs the audit log, as PKCS#8 PEM. Needed unless AUDIT_KEY_SECRET is set'),
  AUDIT_KEY_SECRET: secretName
    .optional()
    .describe('NAMESPACE/NAME of the Secret whose audit.key is that key; while it is empty, one is made there, once'),
  AUDIT_PREVIOUS_KEY_FILE: z.string().optional().describe('the key before it, until the log is handed over'),
  AUDIT_ORIGIN: z.string().min(1).describe('the name of this audit log, such as scc.poc/cluster-1'),
  AUDIT_HOLDER: z.string().min(1).default('governance').describe('who seals, such as the pod name'),
  ...temporalConfig,
  ...tracingConfig,
  ...notificationConfig,
  ...imageRegistryConfig,
  DRAIN_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(2000)
    .describe('how long requests are still taken after readiness is false'),
});
export const governanceConfigSchema = variables
  .refine(namesCertificates, CERTIFICATES_MISSING)
  .refine(
    ({ AUDIT_KEY_FILE, AUDIT_KEY_SECRET }) => (AUDIT_KEY_FILE === undefined) !== (AUDIT_KEY_SECRET === undefined),
    {
      path: ['AUDIT_KEY_FILE'],
      error: 'is needed unless AUDIT_KEY_SECRET is set, and must not be set beside it',
      when: () => true,
    },
  );
export type Config = z.infer<typeof governanceConfigSchema>;
