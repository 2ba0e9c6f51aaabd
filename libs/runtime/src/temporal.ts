import {
  Client,
  Connection,
  isGrpcServiceError,
  type ConnectionOptions,
  type WorkflowClientInterceptor,
} from '@temporalio/client';
import { ConfigError } from './config.js';
import type { TemporalConfig } from './temporal-config.js';
import { temporalTransportFault } from './temporal-fault.js';
import { followTrust, credentialIn, type FollowedTrust, type TlsMaterial } from './trust.js';
import { messageOf } from './values.js';

/** Where and as whom Temporal is reached, as both SDK connections take it. */
export interface TemporalOptions {
  address: string;
  tls?: {
    serverNameOverride?: string;
    serverRootCACertificate?: Buffer;
    clientCertPair?: { crt: Buffer; key: Buffer };
  };
  apiKey?: string;
}

export interface LinkOptions extends Pick<ConnectionOptions, 'interceptors'> {
  /** Of what is asked of workflows. */
  workflow?: WorkflowClientInterceptor[];
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

/** Longer than any call to Temporal takes here. */
const LAST_CALLS_MS = 10_000;

const usesTls = (config: TemporalConfig): boolean => {
  if (config.TEMPORAL_TLS !== undefined) return config.TEMPORAL_TLS === 'true';
  const { TEMPORAL_TLS_CA_FILE, TEMPORAL_TLS_CERT_FILE, TEMPORAL_TLS_SERVER_NAME, TEMPORAL_API_KEY_FILE } = config;
  return [TEMPORAL_TLS_CA_FILE, TEMPORAL_TLS_CERT_FILE, TEMPORAL_TLS_SERVER_NAME, TEMPORAL_API_KEY_FILE].some(Boolean);
};

/** @throws ConfigError */
function requirePairs(config: TemporalConfig): void {
  const { TEMPORAL_TLS_CERT_FILE: cert, TEMPORAL_TLS_KEY_FILE: key } = config;
  if (Boolean(cert) !== Boolean(key)) {
    const missing = cert ? 'TEMPORAL_TLS_KEY_FILE' : 'TEMPORAL_TLS_CERT_FILE';
    throw new ConfigError(
      `${missing}: it is not set, and the certificate and its key belong together - set both or none`,
    );
  }
  if (config.TEMPORAL_TLS === 'false' && (cert ?? config.TEMPORAL_TLS_CA_FILE ?? config.TEMPORAL_API_KEY_FILE))
    throw new ConfigError(
      'TEMPORAL_TLS: it is false, and certificates and keys are only sent over TLS - set it to true',
    );
}

const sdkTls = ({ ca, cert, key, servername }: TlsMaterial): NonNullable<TemporalOptions['tls']> => ({
  ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
  ...(cert === undefined || key === undefined
    ? {}
    : { clientCertPair: { crt: Buffer.from(cert), key: Buffer.from(key) } }),
  ...(servername === undefined ? {} : { serverNameOverride: servername }),
});

/**
 * The one way to Temporal. It connects when it is first used, follows certificates and keys that are exchanged in their
 * files, and can say in a sentence why Temporal cannot be reached.
 */
export class TemporalLink {
  readonly namespace: string;
  readonly address: string;
  readonly #config: TemporalConfig;
  readonly #trust: FollowedTrust;
  readonly #isSecure: boolean;
  readonly #extra: LinkOptions;
  #current: { key: string; connection: Connection; client: Client } | undefined;

  /** @throws ConfigError when the variables contradict each other */
  constructor(config: TemporalConfig, extra: LinkOptions = {}) {
    requirePairs(config);
    this.#config = config;
    this.#extra = extra;
    this.namespace = config.TEMPORAL_NAMESPACE;
    this.address = config.TEMPORAL_ADDRESS;
    this.#isSecure = usesTls(config);
    const files = {
      caFile: config.TEMPORAL_TLS_CA_FILE,
      certFile: config.TEMPORAL_TLS_CERT_FILE,
      keyFile: config.TEMPORAL_TLS_KEY_FILE,
      serverName: config.TEMPORAL_TLS_SERVER_NAME,
    };
    this.#trust = followTrust(files, extra.now);
  }

  /**
   * The present settings of a connection. `key` differs when a new connection is needed. @throws Error when a file
   * cannot be read
   */
  async options(): Promise<TemporalOptions & { key: string }> {
    const { key, tls } = await this.#trust.current();
    const apiKey = this.#config.TEMPORAL_API_KEY_FILE && (await credentialIn(this.#config.TEMPORAL_API_KEY_FILE));
    return {
      key,
      address: this.address,
      ...(this.#isSecure ? { tls: sdkTls(tls) } : {}),
      ...(apiKey ? { apiKey } : {}),
    };
  }

  /** A client whose connection bears the certificates and the key of this moment. */
  async client(): Promise<Client> {
    const { key, apiKey, ...options } = await this.options();
    if (this.#current?.key !== key) {
      const before = this.#current?.connection;
      const interceptors = this.#extra.interceptors ? { interceptors: this.#extra.interceptors } : {};
      const connection = Connection.lazy({ ...options, ...(apiKey ? { apiKey } : {}), ...interceptors });
      const { workflow = [] } = this.#extra;
      const client = new Client({ connection, namespace: this.namespace, interceptors: { workflow } });
      this.#current = { key, connection, client };
      // Calls under way on the old connection finish first.
      setTimeout(() => void before?.close(), LAST_CALLS_MS).unref();
    }
    const { connection, client } = this.#current;
    if (apiKey) connection.setApiKey(apiKey);
    return client;
  }

  /** Asks for the namespace. @throws Error whose message says why Temporal cannot be used and which variable helps */
  async check(timeoutMs = 5000): Promise<void> {
    const reason = await this.#fault(timeoutMs);
    if (reason !== null) throw new Error(`Temporal at ${this.address} ${reason}`);
  }

  async close(): Promise<void> {
    const connection = this.#current?.connection;
    this.#current = undefined;
    await connection?.close();
  }

  async #fault(timeoutMs: number): Promise<string | null> {
    try {
      const { tls } = await this.#trust.current();
      const fault = await temporalTransportFault(this.address, this.#isSecure ? tls : null, timeoutMs);
      if (fault !== null) return fault;
      const client = await this.client();
      await client.withDeadline(Date.now() + timeoutMs, () =>
        client.workflowService.describeNamespace({ namespace: this.namespace }),
      );
      return null;
    } catch (error) {
      return this.#sentenceOf(error);
    }
  }

  #sentenceOf(error: unknown): string {
    if (!isGrpcServiceError(error)) return `cannot be used: ${messageOf(error)}`;
    switch (error.code as number) {
      case 5:
        return `has no namespace ${this.namespace}: create it, or correct TEMPORAL_NAMESPACE`;
      case 7:
      case 16:
        return `does not let this process in (${error.details}): check TEMPORAL_API_KEY_FILE and TEMPORAL_TLS_CERT_FILE`;
      default:
        return `cannot be used: ${error.details}`;
    }
  }
}

export { temporalConfig, type TemporalConfig } from './temporal-config.js';
