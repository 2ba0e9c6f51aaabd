import type { NetConnectOpts } from 'node:net';
import { hasCode } from '../errors.js';
import { relay, type Relay } from './relay.js';

const HOST = '127.0.0.1';

/** A relay on the outside loopback; `taken` is the port that it should have had and that something else listens on. */
export interface OutsideRelay extends Relay {
  taken: number | null;
}

/** Listens on the preferred port of the outside loopback where it is free, else on any. */
export async function relayFrom(preferred: number, to: NetConnectOpts): Promise<OutsideRelay> {
  try {
    return { ...(await relay({ host: HOST, port: preferred }, to)), taken: null };
  } catch (error) {
    if (!hasCode(error, 'EADDRINUSE')) throw error;
    return { ...(await relay({ host: HOST, port: 0 }, to)), taken: preferred };
  }
}

/** An address as the stack prints it, with the reason when it is not the one that the documentation names. */
export const addressLine = (address: string, taken: number | undefined): string =>
  taken === undefined ? address : `${address} (port ${taken} is taken by another process)`;
