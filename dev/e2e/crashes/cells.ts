/** One fault of a migration: in which process, at which step, and how. */
export interface Cell {
  process: (typeof PROCESSES)[number];
  step: (typeof STEPS)[number];
  fault: (typeof FAULTS)[number];
}

const PROCESSES = [
  'worker',
  'watcher',
  'governance',
  'istiod',
  'kube-apiserver',
  'kube-controller-manager',
  'temporal',
  'postgres',
] as const;
const STEPS = ['validating', 'mirroring', 'shifting', 'migrating', 'undoing'] as const;
const FAULTS = ['killed', 'stopped for a while', 'writing in bad weather'] as const;

/** The product's own processes, which write to the API server: objects, leases and reviews. */
export const STORMY = ['worker', 'watcher', 'governance'] as const satisfies readonly Cell['process'][];
export type Stormy = (typeof STORMY)[number];
export const isStormy = (process: Cell['process']): process is Stormy => STORMY.some((one) => one === process);

/** Every cell. The weather is between the product and the API server. */
export const allCells = (): Cell[] =>
  PROCESSES.flatMap((process) =>
    STEPS.flatMap((step) =>
      FAULTS.filter((fault) => fault !== 'writing in bad weather' || isStormy(process)).map((fault) => ({
        process,
        step,
        fault,
      })),
    ),
  );

const pairsOf = ({ process, step, fault }: Cell): string[] => [
  `${process}|${step}`,
  `${process}|${fault}`,
  `${step}|${fault}`,
];

/** New pairs first, then what occurs least among the chosen. */
function gainOf(cell: Cell, chosen: readonly Cell[], covered: ReadonlySet<string>): number {
  const fresh = pairsOf(cell).filter((pair) => !covered.has(pair)).length;
  const parts = Object.values(cell) as string[];
  const seen = chosen.flatMap((one) => Object.values(one) as string[]).filter((part) => parts.includes(part)).length;
  return fresh * 1_000 - seen;
}

/** So many cells that as many pairs of a process, a step and a fault as possible occur in one of them. */
export function byPairs(cells: readonly Cell[], count: number): Cell[] {
  const chosen: Cell[] = [];
  const left = [...cells];
  while (chosen.length < count && left.length > 0) {
    const covered = new Set(chosen.flatMap(pairsOf));
    const gains = left.map((cell) => gainOf(cell, chosen, covered));
    chosen.push(...left.splice(gains.indexOf(Math.max(...gains)), 1));
  }
  return chosen;
}

/** Cells that happen at the same time, at most `size` of them and none to the same process. */
export function waves(cells: readonly Cell[], size: number): Cell[][] {
  const all: Cell[][] = [];
  for (const cell of cells) {
    const free = all.find((wave) => wave.length < size && wave.every(({ process }) => process !== cell.process));
    if (free) free.push(cell);
    else all.push([cell]);
  }
  return all;
}
