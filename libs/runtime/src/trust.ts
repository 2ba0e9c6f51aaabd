import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from './values.js';

/** As Node's TLS takes it; certificates and keys are PEM. */
export interface TlsMaterial {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** The authorities that a connection trusts, its own certificate, and its proxy. */
export interface ConnectionTrust {
  /** Differs when connections that were made before must not be used any more. */
  key: string;
  tls: TlsMaterial;
  /** http:, https: or socks5: */
  proxy?: string;
}

/** PEM files, by the variable or option that names them. */
export interface TrustFiles {
  caFile?: string | undefined;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** The name that the server's certificate must bear; that of the address unless said otherwise. */
  serverName?: string | undefined;
}

export interface FollowedTrust {
  current: () => Promise<ConnectionTrust>;
  /** The next `current` reads the files again. */
  forget: () => void;
}

/** How long what was read from files is used before it is read again, in milliseconds. */
const FRESH_MS = 5000;

/** A key that differs where the material does. */
export const trustOf = (tls: TlsMaterial, proxy?: string): ConnectionTrust => ({
  key: createHash('sha256')
    .update(JSON.stringify([tls, proxy]))
    .digest('hex'),
  tls,
  ...(proxy === undefined ? {} : { proxy }),
});

/** Follows PEM files that are exchanged while the process runs. `current` rejects when one cannot be read. */
export function followTrust(files: TrustFiles, now: () => number = () => performance.now()): FollowedTrust {
  let reading: Promise<ConnectionTrust> | undefined;
  let readAt = 0;
  const forget = (): void => void (reading = undefined);
  return {
    forget,
    current: () => {
      if (reading === undefined || now() - readAt > FRESH_MS) {
        readAt = now();
        reading = readTrust(files);
        reading.catch(forget);
      }
      return reading;
    },
  };
}

async function readTrust({ caFile, certFile, keyFile, serverName }: TrustFiles): Promise<ConnectionTrust> {
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(pemOf));
  return trustOf({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  });
}

async function pemOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** The text of a file with a credential, without the newline that no header may hold. Read at every call. */
export const credentialIn = async (file: string): Promise<string> => (await readFile(file, 'utf8')).trim();
