const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];

/** What HAProxy says on its socket, one object for each line under the names of the first. */
function rowsOf(csv: string): Record<string, string>[] {
  const [head = '', ...lines] = csv.trim().split('\n');
  const names = head.replace(/^# /, '').split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, index) => [names[index] ?? '', value])));
}

/** The counters of each server, under the names and labels that OpenShift's router exports. */
export function metricsOf(csv: string): string {
  const lines = rowsOf(csv).flatMap((row) => {
    const [kind, namespace = '', route = ''] = (row['pxname'] ?? '').split(':');
    const [role, pod = '', service = '', ...place] = (row['svname'] ?? '').split(':');
    if ((kind !== 'be_http' && kind !== 'be_tcp') || role !== 'pod') return [];
    const labels = Object.entries({ namespace, route, pod, service, server: place.join(':') })
      .map(([name, value]) => `${name}="${value}"`)
      .join(',');
    return [
      ...CLASSES.map(
        (code) => `haproxy_server_http_responses_total{${labels},code="${code}"} ${Number(row[`hrsp_${code}`] ?? 0)}`,
      ),
      `haproxy_server_connections_total{${labels}} ${Number(row['stot'] ?? 0)}`,
      `haproxy_server_current_sessions{${labels}} ${Number(row['scur'] ?? 0)}`,
    ];
  });
  return `${lines.join('\n')}\n`;
}
