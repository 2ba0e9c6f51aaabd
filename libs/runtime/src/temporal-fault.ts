import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isCertificateFault } from './http.js';
import type { TlsMaterial } from './trust.js';
import { codeOf, messageOf } from './values.js';

/** The preface of an HTTP/2 client with empty settings: a frontend answers it with settings of its own. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
const TLS_ALERT = 0x15;

/**
 * Why no HTTP/2 can be spoken with a Temporal frontend, as it reads after "Temporal at ADDRESS"; null when it can. The
 * SDKs report all of these as "unavailable".
 * @param tls null without TLS
 */
export function temporalTransportFault(
  address: string,
  tls: TlsMaterial | null,
  timeoutMs: number,
): Promise<string | null> {
  const { host, port } = splitAddress(address);
  const socket: Socket =
    tls === null
      ? connectPlain({ host, port })
      : connectTls({
          host,
          port,
          ALPNProtocols: ['h2'],
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...tls,
        });
  return new Promise((resolve) => {
    let hasShaken = tls === null;
    const end = (fault: string | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(fault);
    };
    const timer = setTimeout(() => end(`does not answer within ${timeoutMs} ms: check TEMPORAL_ADDRESS`), timeoutMs);
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      hasShaken = true;
      socket.write(PREFACE);
    });
    socket.once('data', (data: Buffer) =>
      end(
        tls === null && data[0] === TLS_ALERT
          ? 'speaks TLS: set TEMPORAL_TLS_CA_FILE to the authority of its certificate, or TEMPORAL_TLS to true'
          : null,
      ),
    );
    socket.once('error', (error) => end(tls === null ? plainFault(error) : tlsFault(error, tls, hasShaken)));
    socket.once('close', () =>
      end(
        tls === null ? 'closed the connection: it may speak TLS (TEMPORAL_TLS)' : refusedCertificate(tls, 'it closed'),
      ),
    );
  });
}

const plainFault = (error: Error): string => `does not answer: ${messageOf(error)} - check TEMPORAL_ADDRESS`;

function tlsFault(error: Error, tls: TlsMaterial, hasShaken: boolean): string {
  const code = codeOf(error);
  const message = sslReason(messageOf(error));
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `shows a certificate of another name: ${message} - set TEMPORAL_TLS_SERVER_NAME to a name that it bears`;
  if (/ALERT|HANDSHAKE_FAILURE/.test(code) || (hasShaken && code === 'ECONNRESET'))
    return refusedCertificate(tls, message);
  if (isCertificateFault(error))
    return `shows a certificate that is not trusted: ${message} - set TEMPORAL_TLS_CA_FILE to its authority`;
  if (/WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code))
    return `does not speak TLS: ${message} - check TEMPORAL_ADDRESS, and unset the variables TEMPORAL_TLS_*`;
  return plainFault(error);
}

/** The reason in a line of OpenSSL, such as "tlsv13 alert certificate required"; other messages as they are. */
const sslReason = (message: string): string => /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;

const refusedCertificate = ({ cert }: TlsMaterial, message: string): string =>
  cert === undefined
    ? `wants a client certificate (${message}): set TEMPORAL_TLS_CERT_FILE and TEMPORAL_TLS_KEY_FILE`
    : `refuses the client certificate of TEMPORAL_TLS_CERT_FILE (${message}): use one that its authority signed`;

function splitAddress(address: string): { host: string; port: number } {
  const { hostname, port } = new URL(`tcp://${address}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 7233) };
}
