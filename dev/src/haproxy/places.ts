/** Where the router of the stack listens inside the stack's network, and how long a change may wait for its reload. */
export const ROUTER_PORTS = { http: 15090, tls: 15091, metrics: 15092 };
export const ROUTER_RELOAD_MS = 500;
