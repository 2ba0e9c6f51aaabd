import { ahead, NODE, scriptOf } from '../paths.js';
import type { PartDefinition } from '../supervisor/process.js';
import { answers, type PartContext } from './context.js';

const PORT = 10_245;

/** Serves the Services of the namespaces that the caller of the stack named: requests pass it, as they pass the proxies. */
export const services = ({ file, options, tokens }: PartContext): PartDefinition => ({
  name: 'services',
  ...ahead(NODE, [scriptOf('services/main')]),
  env: {
    SERVICES_NAMESPACES: JSON.stringify(options.served),
    SERVICES_TOKEN: tokens['system:kube-proxy'] ?? '',
    SERVICES_CA_FILE: file('tls', 'ca.crt'),
    SERVICES_PORT: String(PORT),
  },
  ready: () => answers(`http://127.0.0.1:${PORT}/readyz`),
  stopTimeoutMs: 3000,
  dataPath: true,
});
