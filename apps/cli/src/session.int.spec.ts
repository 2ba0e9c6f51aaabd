import { loadConfig } from '@scc/runtime';
import { temporalConfig } from '@scc/runtime/temporal';
import { type GuardedTemporal, startGuardedTemporal } from '@scc/testing/tls-frontend';
import { z } from 'zod';
import { Session } from './session.js';

/** The terminal in front of a Temporal that asks for certificates. */

let temporal: GuardedTemporal;
const sessions: Session[] = [];
beforeAll(async () => {
  temporal = await startGuardedTemporal();
}, 60_000);
afterAll(async () => {
  for (const session of sessions) await session.close();
  await temporal.stop();
});

function sessionWith(env: Record<string, string>): Session {
  const { TEMPORAL_ADDRESS, ...temporalTrust } = loadConfig(z.object(temporalConfig), env);
  const session = new Session({
    output: 'json',
    audience: 'governance',
    temporal: TEMPORAL_ADDRESS,
    temporalNamespace: temporalTrust.TEMPORAL_NAMESPACE,
    temporalTrust,
  });
  sessions.push(session);
  return session;
}

it.each([
  ['untrusted', /TEMPORAL_TLS_CERT_FILE/],
  ['unnamed', /TEMPORAL_TLS_SERVER_NAME/],
] as const)('a terminal that is %s is refused, and told which variable helps', async (client, variable) => {
  await expect(sessionWith(temporal[client]).temporal()).rejects.toThrow(variable);
});

it('a terminal with a certificate is let in', async () => {
  const client = await sessionWith(temporal.trusted).temporal();
  await expect(client.workflow.count()).resolves.toMatchObject({ count: 0 });
});
