import { connectKube, objectSchema } from '@scc/kube';
import { commonConfig, createLogger, loadConfig } from '@scc/runtime';
import { defaultSCCs } from '@scc/scc';
import { z } from 'zod';

/**
 * Installs OpenShift's default SCCs where no OpenShift does, and ends: a hook of the chart. Helm cannot install them beside
 * their CRD, since it looks every kind up before it installs anything.
 */
const config = loadConfig(z.object({ LOG_LEVEL: commonConfig.LOG_LEVEL }));
const logger = createLogger('default-sccs', config.LOG_LEVEL);
const client = await connectKube({ userAgent: 'scc-default-sccs' });
const sccs = defaultSCCs();
for (const scc of sccs) await client.apply(objectSchema.parse(scc), { fieldManager: 'scc-orchestrator', force: true });
client.close();
logger.info({ count: sccs.length }, 'the default SCCs are installed');
