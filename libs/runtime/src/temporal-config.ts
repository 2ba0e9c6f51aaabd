import { z } from 'zod';

/** The variables of every process that talks to Temporal; spread into a process's own schema. */
export const temporalConfig = {
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233').describe('host:port of the Temporal frontend'),
  TEMPORAL_NAMESPACE: z.string().default('scc').describe('the namespace of the workflows'),
  TEMPORAL_TLS: z
    .enum(['true', 'false'])
    .optional()
    .describe(
      'true or false: whether the connection uses TLS; absent, it does where another TLS variable or a key is set',
    ),
  TEMPORAL_TLS_CA_FILE: z
    .string()
    .optional()
    .describe("a PEM file with the authority of Temporal's certificate; absent, the authorities of the system"),
  TEMPORAL_TLS_CERT_FILE: z.string().optional().describe('a PEM file with the certificate that Temporal is shown'),
  TEMPORAL_TLS_KEY_FILE: z.string().optional().describe('a PEM file with the key of that certificate'),
  TEMPORAL_TLS_SERVER_NAME: z
    .string()
    .optional()
    .describe("the name that Temporal's certificate bears, where that is not the host of TEMPORAL_ADDRESS"),
  TEMPORAL_API_KEY_FILE: z.string().optional().describe('a file with the API key; read again when it changes'),
};
export type TemporalConfig = z.infer<z.ZodObject<typeof temporalConfig>>;
