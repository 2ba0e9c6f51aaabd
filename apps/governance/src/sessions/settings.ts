import { readFile } from 'node:fs/promises';
import type { AccessConfig } from '../access/settings.js';
import type { OidcFlowSettings } from './oidc-flow.js';
import { CALLBACK_PATH } from './serve-sign-in.js';

type SignInConfig = Pick<
  AccessConfig,
  'OIDC_ISSUER' | 'OIDC_AUDIENCE' | 'CONSOLE_URL' | 'OIDC_CLIENT_SECRET_FILE' | 'OIDC_SCOPES'
>;
type TemporalUiConfig = Pick<AccessConfig, 'TEMPORAL_UI_URL'> & { TEMPORAL_NAMESPACE: string };

/** How browsers sign in with the issuer; null unless both it and the address of the console are configured. */
export async function signInSettings(config: SignInConfig): Promise<OidcFlowSettings | null> {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: clientId, CONSOLE_URL: console, OIDC_CLIENT_SECRET_FILE: file } = config;
  if (issuer === undefined || clientId === undefined || console === undefined) return null;
  const clientSecret = file === undefined ? null : (await readFile(file, 'utf8')).trim();
  return {
    issuer,
    clientId,
    clientSecret,
    scopes: config.OIDC_SCOPES,
    redirectUrl: new URL(CALLBACK_PATH, console).href,
  };
}

/** Where people see the workflows in the Temporal Web UI. */
export const temporalUiOf = ({
  TEMPORAL_UI_URL: url,
  TEMPORAL_NAMESPACE: namespace,
}: TemporalUiConfig): string | null =>
  url === undefined ? null : `${url.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}`;
