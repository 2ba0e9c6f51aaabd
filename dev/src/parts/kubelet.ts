import { STORAGE_USER } from '../identity/users.js';
import { ahead, NODE, scriptOf } from '../paths.js';
import type { PartDefinition } from '../supervisor/process.js';
import { answers, type PartContext } from './context.js';

export const KUBELET_PORT = 10248;

/** One process for all nodes; each node talks to the API server as itself. */
export const kubelet = ({ binary, file, options, tokens, stateDir }: PartContext): PartDefinition => ({
  name: 'kubelet',
  ...ahead(NODE, [scriptOf('kubelet/main')]),
  env: {
    KUBELET_NODES: JSON.stringify(
      Array.from({ length: options.nodes }, (_, index) => ({
        name: `node-${index + 1}`,
        token: tokens[`system:node:node-${index + 1}`] ?? '',
      })),
    ),
    KUBELET_STORAGE_TOKEN: tokens[STORAGE_USER] ?? '',
    KUBELET_CA_FILE: file('tls', 'ca.crt'),
    KUBELET_STATE_DIR: stateDir,
    KUBELET_TLS_DIR: file('tls'),
    KUBELET_TEMPORAL: binary('temporal'),
    KUBELET_ENVOY: binary('envoy'),
    KUBELET_PORT: String(KUBELET_PORT),
  },
  ready: () => answers(`http://127.0.0.1:${KUBELET_PORT}/readyz`),
  stopTimeoutMs: 3000,
  dataPath: true,
});
