import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '@scc/runtime';
import { temporalConfig } from '@scc/runtime/temporal-config';
import { z } from 'zod';

/** The environment of sccctl: what the commands take where no option says otherwise. */
export const cliConfigSchema = z.object({
  KUBECONFIG: z.string().optional().describe('the path of a kubeconfig; ~/.kube/config where that exists'),
  GOVERNANCE_URL: z.string().optional().describe('the https address of the governance API'),
  GOVERNANCE_CA_FILE: z.string().optional().describe('the authority of its certificate, as PEM'),
  GOVERNANCE_TOKEN: z.string().optional().describe('the bearer token of the caller'),
  GOVERNANCE_TOKEN_FILE: z.string().optional().describe('the file that holds it'),
  XDG_STATE_HOME: z.string().optional().describe('where receipts are kept; ~/.local/state where it is not set'),
  ...temporalConfig,
  TEMPORAL_ADDRESS: z.string().optional().describe('host:port of the Temporal frontend, for the commands that steer'),
});
export type Environment = z.infer<typeof cliConfigSchema>;

/** Empty variables count as absent. @throws ConfigError */
export function readEnvironment(env: Record<string, string | undefined> = process.env): Environment {
  const usual = path.join(homedir(), '.kube', 'config');
  const found = loadConfig(cliConfigSchema, env);
  return {
    XDG_STATE_HOME: path.join(homedir(), '.local', 'state'),
    ...(existsSync(usual) ? { KUBECONFIG: usual } : {}),
    ...found,
  };
}
