import { Card, CardBody, CardTitle, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useState } from 'react';
import { ask } from '../data/api.js';
import { linesOf, type PodHistory } from '../data/fleet.js';
import { useReloadOn } from '../data/live.js';
import type { PodCount } from '../data/types.js';
import { useLoad } from '../data/use-load.js';
import { Bars } from './bars.js';
import { LineChart } from './line-chart.js';
import { Empty, Shown } from './states.js';
import { Table } from './table.js';

/** The spans that can be looked at, in hours. */
const SPANS = [
  [24, 'the last day'],
  [168, 'the last week'],
  [720, 'the last 30 days'],
] as const;

/** How many pods each SCC has. */
export function FleetNow() {
  const counts = useLoad((signal) => ask<{ items: PodCount[] }>('/v1/pod-counts', { signal }), []);
  useReloadOn(counts.reload, ({ action }) => action.startsWith('migration.'));
  return (
    <Card>
      <CardTitle component="h2">Pods by SCC, now</CardTitle>
      <CardBody>
        <Shown loaded={counts} what="the pods">
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No pods are tracked yet">
                Label a namespace with <code>scc.poc/enforce=true</code>; its pods appear here as they start.
              </Empty>
            ) : (
              <Bars
                of="pods"
                bars={items.map(({ scc, pods }) => ({ key: scc ?? '', text: scc ?? 'unknown', count: pods }))}
              />
            )
          }
        </Shown>
      </CardBody>
    </Card>
  );
}

/** How many pods each SCC had over time. */
export function FleetOverTime() {
  const [hours, setHours] = useState<number>(SPANS[0][0]);
  const history = useLoad(
    (signal) => ask<{ items: PodHistory[] }>('/v1/pod-counts/history', { query: { hours }, signal }),
    [hours],
  );
  useReloadOn(history.reload, ({ action }) => action.startsWith('migration.'));
  return (
    <Card>
      <CardTitle component="h2">Pods by SCC, over time</CardTitle>
      <CardBody>
        <FormSelect
          aria-label="Span of time"
          className="scc-select"
          value={hours}
          onChange={(_event, value) => setHours(Number(value))}
        >
          {SPANS.map(([value, label]) => (
            <FormSelectOption key={value} value={value} label={label} />
          ))}
        </FormSelect>
        <Shown loaded={history} what="the pods over time">
          {({ items }) => {
            const { lines, time, values } = linesOf(items);
            if (lines.length === 0)
              return <Empty title="No pod was tracked in this time">Take a longer span, or come back later.</Empty>;
            return (
              <>
                <LineChart
                  label="Pods of each SCC over time; the table below has their number at the beginning and now"
                  {...{ lines, time, values }}
                />
                <Table columns={['SCC', 'At the beginning', 'Now']}>
                  {lines.map(({ name, dots }) => (
                    <tr key={name}>
                      <td>{name}</td>
                      <td>{dots[0]?.value ?? 0}</td>
                      <td>{dots.at(-1)?.value ?? 0}</td>
                    </tr>
                  ))}
                </Table>
              </>
            );
          }}
        </Shown>
      </CardBody>
    </Card>
  );
}
