import { addGauge } from '@scc/runtime';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { Served } from '../http/request.js';

const poolSchema = z.object({ totalCount: z.int(), idleCount: z.int(), waitingCount: z.int() });

interface Family<Label extends string> {
  name: string;
  help: string;
  labelNames: Label[];
}

interface Labelled<Label extends string> {
  labels: Record<Label, string>;
  value: number;
}

/** What Prometheus reads from the process. */
export class GovernanceMetrics {
  readonly registry = new Registry();
  private readonly included: (() => Promise<string>)[] = [];
  private readonly requests = new Histogram({
    name: 'scc_governance_request_seconds',
    help: 'How long requests of the API took, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** A request that no route took has no label of its own: callers must not be able to make new series. */
  readonly served = ({ request, response, route, seconds }: Served): void =>
    this.requests.observe(
      { method: route === null ? 'other' : request.method, route: route ?? 'none', status: response.statusCode },
      seconds,
    );

  /** A number that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
    addGauge(this.registry, { name, help, read });
  }

  /** Numbers by label that only grow, read when they are asked for. */
  counter<Label extends string>(family: Family<Label>, read: () => Labelled<Label>[]): void {
    new Counter({
      ...family,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.inc(labels, value);
      },
    });
  }

  /** Numbers by label that rise and fall, read when they are asked for; a label that is gone leaves no series. */
  gauges<Label extends string>(family: Family<Label>, read: () => Labelled<Label>[]): void {
    new Gauge({
      ...family,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.set(labels, value);
      },
    });
  }

  /** How many connections to the database there are, and who waits for one. */
  watchPool(source: DataSource): void {
    const pool = () => poolSchema.parse((source.driver as { master?: unknown }).master);
    this.gauge('scc_governance_database_connections', 'Connections to the database.', () => pool().totalCount);
    this.gauge('scc_governance_database_connections_idle', 'Of them, idle ones.', () => pool().idleCount);
    this.gauge('scc_governance_database_waiting', 'Callers that wait for a connection.', () => pool().waitingCount);
  }

  /** Shows the metrics of another part as well. */
  include(scrape: () => Promise<string>): void {
    this.included.push(scrape);
  }

  async scrape(): Promise<{ contentType: string; body: string }> {
    const bodies = await Promise.all([this.registry.metrics(), ...this.included.map((scrape) => scrape())]);
    return { contentType: this.registry.contentType, body: bodies.join('\n') };
  }
}
