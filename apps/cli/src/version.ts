import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { PROCESSES } from './check/processes.js';
import { fields } from './output.js';
import type { Run, Session } from './session.js';

const packageSchema = z.object({ version: z.string() });
const clusterSchema = z.looseObject({ gitVersion: z.string() });
const LABEL = 'app.kubernetes.io/version';

/** The version of this sccctl. */
async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return packageSchema.parse(JSON.parse(text)).version;
}

/** Versions of the cluster and of the product's processes in it, as their Deployments say; null where there is none. */
async function serverVersions(session: Session, namespace: string): Promise<Record<string, string | null>> {
  const kube = await session.kube();
  const { gitVersion } = clusterSchema.parse(await kube.raw('/version'));
  const processes = await Promise.all(
    PROCESSES.map(async (name): Promise<[string, string | null]> => {
      const deployment = await kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name });
      return [name, deployment?.metadata.labels?.[LABEL] ?? null];
    }),
  );
  return { kubernetes: gitVersion, ...Object.fromEntries(processes) };
}

/** Versions of this sccctl, and of what is installed where `systemNamespace` names where to look. */
export async function installedVersions(
  session: Session,
  systemNamespace: string | null,
): Promise<Record<string, string | null>> {
  const own = { sccctl: await ownVersion(), node: process.version };
  if (systemNamespace === null || !session.hasCluster) return own;
  return { ...own, ...(await serverVersions(session, systemNamespace)) };
}

async function version(
  session: Session,
  { client, systemNamespace }: { client: boolean; systemNamespace: string },
): Promise<undefined> {
  const versions = await installedVersions(session, client ? null : systemNamespace);
  session.output.show(versions, () =>
    fields(Object.entries(versions).map(([name, value]) => [name, value ?? 'not installed'])),
  );
  return undefined;
}

/** `sccctl version` */
export const versionCommand = (run: Run): Command =>
  new Command('version')
    .description('of sccctl, and of what is installed in the cluster')
    .option('--client', 'of sccctl alone', false)
    .option('--system-namespace <namespace>', 'where the product is installed', 'scc-system')
    .action((options: { client: boolean; systemNamespace: string }) => run((session) => version(session, options)));
