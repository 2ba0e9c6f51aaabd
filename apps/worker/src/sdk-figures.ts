import { createServer, type AddressInfo } from 'node:net';
import { HttpClient } from '@scc/runtime';
import type { TelemetryOptions } from '@temporalio/worker';

/** The figures of Temporal's SDK: pollers, slots, latencies of tasks, requests to the server. */
export interface SdkFigures {
  /** For `Runtime.install`. */
  telemetry: TelemetryOptions;
  /** The figures in the text format of Prometheus; empty while the SDK does not answer. */
  read: () => Promise<string>;
}

const HOST = '127.0.0.1';
/** A scrape waits for more than this as a rule. */
const PATIENCE_MS = 2000;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * The SDK serves its figures on a port of its own. Here that is one of loopback alone, and the worker shows them beside
 * its own: one port to scrape and to allow.
 */
export async function sdkFigures(): Promise<SdkFigures> {
  const bindAddress = `${HOST}:${await freePort()}`;
  const http = new HttpClient({ connections: 1 });
  const url = new URL(`http://${bindAddress}/metrics`);
  return {
    telemetry: {
      metrics: {
        attachServiceName: false,
        prometheus: { bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
      },
    },
    read: () =>
      http.send({ method: 'GET', url, timeoutMs: PATIENCE_MS }).then(
        ({ status, text }) => (status === 200 ? text : ''),
        () => '',
      ),
  };
}
