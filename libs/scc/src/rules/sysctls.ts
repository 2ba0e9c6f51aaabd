import { clip } from './findings.js';
import type { PodScope } from './scope.js';

/** Safe under every SCC. The last three need a kernel of the last ten years, which every supported node has. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

/** A pattern is an exact name, or a prefix when it ends in `*`. */
export const matchesSysctl = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

const matchesAny = (patterns: readonly string[] | null | undefined, name: string): boolean =>
  patterns?.some((pattern) => matchesSysctl(pattern, name)) ?? false;

function judge({ scc: { source } }: PodScope, name: string): { bound: string; sentence: string } | undefined {
  const { forbiddenSysctls, allowedUnsafeSysctls } = source;
  if (matchesAny(forbiddenSysctls, name))
    return { bound: `not ${(forbiddenSysctls ?? []).join(',')}`, sentence: `sysctl "${clip(name)}" is not allowed` };
  if (SAFE_SYSCTLS.has(name) || matchesAny(allowedUnsafeSysctls, name)) return undefined;
  return {
    bound: ['the safe sysctls', ...(allowedUnsafeSysctls ?? [])].join(','),
    sentence: `unsafe sysctl "${clip(name)}" is not allowed`,
  };
}

export function applySysctls(scope: PodScope): void {
  for (const [index, { name }] of (scope.context.sysctls ?? []).entries()) {
    const denied = judge(scope, name);
    if (!denied) continue;
    const field = `spec.securityContext.sysctls[${index}]`;
    scope.findings.report({
      rule: 'sysctls',
      field,
      value: name,
      bound: denied.bound,
      remedy: `remove the sysctl ${clip(name)}`,
      message: `pod.${field}: Forbidden: ${denied.sentence}`,
    });
  }
}
