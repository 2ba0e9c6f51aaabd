import { readFile } from 'node:fs/promises';
import { connectKube, type KubeClient } from '@scc/kube';
import type { Client, Connection } from '@temporalio/client';
import { decodeJwt } from 'jose';
import { CliError } from './exit.js';
import { Output } from './output.js';
import { Rest } from './rest.js';

/** What every command may be told about its surroundings; from options, else from the environment. */
export interface Settings {
  output: 'table' | 'json';
  kubeconfig?: string | undefined;
  server?: string | undefined;
  ca?: string | undefined;
  token?: string | undefined;
  tokenFile?: string | undefined;
  /** NAMESPACE/NAME of the ServiceAccount to ask a token for. */
  serviceAccount?: string | undefined;
  audience: string;
  temporal?: string | undefined;
  temporalNamespace: string;
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
  private temporalConnection: Connection | null = null;

  constructor(readonly settings: Settings) {
    this.output = new Output(settings.output);
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

  /** @throws CliError when there is no kubeconfig or it can not be read. */
  kube(): Promise<KubeClient> {
    const { kubeconfig } = this.settings;
    if (kubeconfig === undefined)
      throw new CliError('--kubeconfig: there is none', 'Pass --kubeconfig FILE, or set KUBECONFIG.');
    this.kubeClient ??= connectKube({ kubeconfig, userAgent: 'sccctl' }).catch((error: unknown) => {
      throw new CliError(
        `--kubeconfig: ${kubeconfig} can not be used: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    return this.kubeClient;
  }

  /** @throws CliError when nobody said where governance is. */
  governance(): Rest {
    const { server, ca } = this.settings;
    if (server === undefined)
      throw new CliError('--server: governance is not known', 'Pass --server URL, or set GOVERNANCE_URL.');
    if (!URL.canParse(server))
      throw new CliError(`--server: ${server} is not a URL`, 'Write it as https://governance.scc-system:9443.');
    this.restClient ??= new Rest({ server, ca, token: () => this.token() });
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
          throw new CliError(`--token-file: ${error instanceof Error ? error.message : String(error)}`);
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
    const temporal = await import('@temporalio/client');
    try {
      this.temporalConnection ??= await temporal.Connection.connect({ address, connectTimeout: 5_000 });
    } catch (error) {
      throw new CliError(
        `--temporal: ${address} does not answer: ${error instanceof Error ? error.message : String(error)}`,
        'Check --temporal (TEMPORAL_ADDRESS), and that Temporal runs.',
      );
    }
    return new temporal.Client({ connection: this.temporalConnection, namespace });
  }

  async close(): Promise<void> {
    await this.temporalConnection?.close();
    await this.kubeClient?.then(
      (client) => client.close(),
      () => undefined,
    );
  }
}
