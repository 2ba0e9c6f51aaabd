import { readFile } from 'node:fs/promises';
import type { AccessConfig } from '../access/settings.js';
import type { OidcFlowSettings } from './oidc-flow.js';
import { CALLBACK_PATH } from './serve-sign-in.js';

type SignInConfig = Pick<
  AccessConfig,
  | 'OIDC_ISSUER'
  | 'OIDC_AUDIENCE'
  | 'CONSOLE_URL'
  | 'OIDC_CLIENT_SECRET_FILE'
  | 'OIDC_SCOPES'
  | 'OPENSHIFT_OAUTH_CLIENT'
  | 'OPENSHIFT_OAUTH_URL'
  | 'OPENSHIFT_OAUTH_SCOPES'
>;
type TemporalUiConfig = Pick<AccessConfig, 'TEMPORAL_UI_URL'> & { TEMPORAL_NAMESPACE: string };

/** How browsers sign in, with the OAuth server of OpenShift or with an issuer; null unless one of them and the address of the console are configured. */
export async function signInSettings(config: SignInConfig): Promise<OidcFlowSettings | null> {
  const { CONSOLE_URL: console, OIDC_CLIENT_SECRET_FILE: file } = config;
  const chosen = openshiftOf(config) ?? issuerOf(config);
  if (chosen === null || console === undefined) return null;
  const clientSecret = file === undefined ? null : (await readFile(file, 'utf8')).trim();
  return { ...chosen, clientSecret, redirectUrl: new URL(CALLBACK_PATH, console).href };
}

type Chosen = Pick<OidcFlowSettings, 'kind' | 'issuer' | 'clientId' | 'scopes'> | null;

const openshiftOf = (config: SignInConfig): Chosen =>
  config.OPENSHIFT_OAUTH_CLIENT === undefined
    ? null
    : {
        kind: 'openshift',
        issuer: config.OPENSHIFT_OAUTH_URL,
        clientId: config.OPENSHIFT_OAUTH_CLIENT,
        scopes: config.OPENSHIFT_OAUTH_SCOPES,
      };

const issuerOf = ({ OIDC_ISSUER: issuer, OIDC_AUDIENCE: clientId, OIDC_SCOPES: scopes }: SignInConfig): Chosen =>
  issuer === undefined || clientId === undefined ? null : { kind: 'oidc', issuer, clientId, scopes };

/** Where people see the workflows in the Temporal Web UI. */
export const temporalUiOf = ({
  TEMPORAL_UI_URL: url,
  TEMPORAL_NAMESPACE: namespace,
}: TemporalUiConfig): string | null =>
  url === undefined ? null : `${url.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}`;
