import { Gauge, type Registry } from 'prom-client';

/** A metric whose number is read when it is asked for. */
export function addGauge(registry: Registry, gauge: { name: string; help: string; read: () => number }): void {
  const { name, help, read } = gauge;
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
