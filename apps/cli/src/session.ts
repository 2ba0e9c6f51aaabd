import { readFile } from 'node:fs/promises';
import { connectKube, type KubeClient } from '@scc/kube';
import { messageOf } from '@scc/runtime';
import type { TemporalConfig, TemporalLink } from '@scc/runtime/temporal';
import type { Client } from '@temporalio/client';
import { decodeJwt } from 'jose';
import { CliError, EXIT } from './exit.js';
import { KeptReceipts } from './kept.js';
import { Output } from './output.js';
import { Rest } from './rest.js';

/** The surroundings of every command; from options, else from the environment. */
export interface Settings {
  output: 'table' | 'wide' | 'json';
  kubeconfig?: string | undefined;
  /** The name of a context of the kubeconfig. */
  context?: string | undefined;
  /** In whose name the API server is asked, and of which groups. */
  as?: string | undefined;
  asGroup?: string[] | undefined;
  server?: string | undefined;
  ca?: string | undefined;
  token?: string | undefined;
  tokenFile?: string | undefined;
  /** NAMESPACE/NAME of the ServiceAccount to ask a token for. */
  serviceAccount?: string | undefined;
  audience: string;
  /** Where receipts are kept. */
  stateHome?: string | undefined;
  temporal?: string | undefined;
  temporalNamespace: string;
  /** Certificates and keys for Temporal. */
  temporalTrust?: Omit<TemporalConfig, 'TEMPORAL_ADDRESS'> | undefined;
}

/** Runs a command with a session; what the command returns becomes the exit code, 0 when it returns nothing. */
export type Run = (action: (session: Session) => Promise<number | undefined>) => Promise<void>;

const TOKEN_SECONDS = 600;

/** Connections that are opened when a command first needs them, and closed together. */
export class Session {
  readonly output: Output;
  private kubeClient: Promise<KubeClient> | null = null;
  private restClient: Rest | null = null;
  private tokenRequest: Promise<string> | null = null;
  private temporalLink: TemporalLink | null = null;

  /** The receipts of this person's changes; null when it is not known where they are kept. */
  readonly kept: KeptReceipts | null;

  constructor(readonly settings: Settings) {
    this.output = new Output(settings.output);
    const { stateHome } = settings;
    this.kept = stateHome === undefined ? null : new KeptReceipts(stateHome, (text) => this.output.remark(text));
  }

  get hasCluster(): boolean {
    return this.settings.kubeconfig !== undefined;
  }

  get hasGovernance(): boolean {
    return this.settings.server !== undefined;
  }

  get hasTemporal(): boolean {
    return this.settings.temporal !== undefined;
  }

  /** @throws CliError when there is no kubeconfig or it cannot be read. */
  kube(): Promise<KubeClient> {
    const { kubeconfig, context, as: user, asGroup: groups = [] } = this.settings;
    if (kubeconfig === undefined)
      throw new CliError('--kubeconfig: there is none', 'Pass --kubeconfig FILE, or set KUBECONFIG.');
    if (user === undefined && groups.length > 0)
      throw new CliError('--as-group: it needs --as', 'Name the user with --as USER as well.', EXIT.usage);
    const impersonate = user === undefined ? undefined : { user, groups };
    this.kubeClient ??= connectKube({ kubeconfig, context, impersonate, userAgent: 'sccctl' }).catch(
      (error: unknown) => {
        throw new CliError(`--kubeconfig: ${kubeconfig} cannot be used: ${messageOf(error)}`);
      },
    );
    return this.kubeClient;
  }

  /** @throws CliError when no address of governance is given. */
  governance(): Rest {
    const { server, ca } = this.settings;
    if (server === undefined)
      throw new CliError('--server: governance is not known', 'Pass --server URL, or set GOVERNANCE_URL.');
    if (!URL.canParse(server))
      throw new CliError(`--server: ${server} is not a URL`, 'Write it as https://governance.scc-system:9443.');
    this.restClient ??= new Rest({ server, ca, token: () => this.token(), keep: (header) => this.kept?.keep(header) });
    return this.restClient;
  }

  /** The caller's name as the token states it, for people to read; null when it states none. */
  async callerName(): Promise<string | null> {
    try {
      return decodeJwt(await this.token()).sub ?? null;
    } catch {
      return null;
    }
  }

  private token(): Promise<string> {
    this.tokenRequest ??= this.findToken();
    return this.tokenRequest;
  }

  private async findToken(): Promise<string> {
    const { token, tokenFile, serviceAccount, audience } = this.settings;
    if (token !== undefined) return token;
    if (tokenFile !== undefined)
      return (
        await readFile(tokenFile, 'utf8').catch((error: unknown) => {
          throw new CliError(`--token-file: ${messageOf(error)}`);
        })
      ).trim();
    const [namespace, name, ...rest] = serviceAccount?.split('/') ?? [];
    if (serviceAccount === undefined)
      throw new CliError(
        '--token: governance needs to know who you are',
        'Pass --token-file FILE, or --service-account NAMESPACE/NAME to ask the cluster for a token.',
      );
    if (!namespace || !name || rest.length > 0)
      throw new CliError(`--service-account: ${serviceAccount} is not NAMESPACE/NAME`);
    return (await this.kube()).serviceAccountToken({ namespace, name, audience, seconds: TOKEN_SECONDS });
  }

  /** @throws CliError when Temporal is not known or does not answer. */
  async temporal(): Promise<Client> {
    const { temporal: address, temporalNamespace: namespace } = this.settings;
    if (address === undefined)
      throw new CliError('--temporal: Temporal is not known', 'Pass --temporal HOST:PORT, or set TEMPORAL_ADDRESS.');
    const { TemporalLink } = await import('@scc/runtime/temporal');
    try {
      this.temporalLink ??= new TemporalLink({
        ...this.settings.temporalTrust,
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
      });
      await this.temporalLink.check();
      return await this.temporalLink.client();
    } catch (error) {
      throw new CliError(
        `--temporal: ${messageOf(error)}`,
        'Check --temporal (TEMPORAL_ADDRESS), and that Temporal runs.',
      );
    }
  }

  async close(): Promise<void> {
    await this.kept?.close();
    this.restClient?.close();
    await this.temporalLink?.close();
    await this.kubeClient?.then(
      (client) => client.close(),
      () => undefined,
    );
  }
}
