import { defaultSCCs } from '../cluster/default-sccs.js';
import { defaultSCC } from '../model/write-defaults.js';
import type { CompiledSCC } from '../model/compile.js';
import { isSame } from '../migration/differences.js';
import { compareByPrivilege } from '../migration/lattice.js';
import { CATEGORIES } from './categories.js';
import type { Inventory } from './inventory.js';
import { judgeWorkload } from './judge.js';
import type { ScanReport, ScanRow } from './report.js';
import { isCaptured, isMovable, isRefused } from './rows.js';

const USUAL_AIM = 'restricted-v2';

/** The SCC that is strict enough: the named one, else restricted-v2, else the least privileged of the cluster. */
export function aimOf({ sccs }: Inventory, name: string | undefined): CompiledSCC | undefined {
  if (name !== undefined) return sccs.byName.get(name);
  return sccs.byName.get(USUAL_AIM) ?? [...sccs.ordered].sort(compareByPrivilege)[0];
}

/** Fields of SCCs that OpenShift ships and that are not as it ships them; metadata is nobody's business here. */
function changedDefaults({ definitions }: Inventory): ScanReport['changedDefaults'] {
  const shipped = new Map(defaultSCCs().map((scc) => [scc.metadata.name, defaultSCC(scc) as Record<string, unknown>]));
  return definitions.flatMap((scc) => {
    const original = shipped.get(scc.metadata.name);
    if (!original) return [];
    const actual = scc as Record<string, unknown>;
    const fields = [...new Set([...Object.keys(original), ...Object.keys(actual)])]
      .filter((field) => !['metadata', 'apiVersion', 'kind'].includes(field))
      .filter((field) => !isSame(original[field], actual[field]));
    return fields.length > 0 ? [{ scc: scc.metadata.name, fields: fields.sort() }] : [];
  });
}

function totalsOf(rows: readonly ScanRow[], unreadable: number): ScanReport['totals'] {
  const bySCC: Record<string, number> = {};
  for (const { current } of rows) if (current !== null) bySCC[current] = (bySCC[current] ?? 0) + 1;
  const counts = CATEGORIES.map((one) => [one, rows.filter(({ category }) => category === one).length] as const);
  return {
    workloads: rows.length,
    byCategory: Object.fromEntries(counts) as ScanReport['totals']['byCategory'],
    bySCC,
    movable: rows.filter(isMovable).length,
    capturedAtNextRestart: rows.filter(isCaptured).length,
    refusedAtNextRestart: rows.filter(isRefused).length,
    unreadable,
  };
}

const placeOf = ({ namespace, kind, name }: ScanRow): string => `${namespace}/${kind}/${name}`;

/** The report of judged rows. The order of what was read plays no role in it. */
export function reportOf(inventory: Inventory, aim: CompiledSCC, judged: readonly ScanRow[]): ScanReport {
  const rows = [...judged].sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  return {
    version: 1,
    aim: aim.name,
    totals: totalsOf(rows, inventory.unreadable.length),
    assumed: [...inventory.assumed],
    changedDefaults: changedDefaults(inventory),
    rows,
    unreadable: inventory.unreadable.map((one) => ({ ...one })),
  };
}

/** Judges every workload of an inventory. */
export const scan = (inventory: Inventory, aim: CompiledSCC): ScanReport =>
  reportOf(
    inventory,
    aim,
    inventory.workloads.map((workload) => judgeWorkload(workload, inventory, aim)),
  );
