import { Button } from '@patternfly/react-core';
import { firstObstacle } from '@scc/scc/words';
import { useState } from 'react';
import { rowFacts, workloadName, planText, type ScanRow } from '../data/scans.js';
import { CopiedText } from './plan-text.js';

/** The way from a row to a plan: tried first, then applied. */
function PlanOf({ row }: { row: ScanRow }) {
  const [trial, plan] = [planText(row, true), planText(row, false)];
  if (trial === null || plan === null) return null;
  return (
    <div className="scc-stack">
      <h3>From here to a plan</h3>
      <p>
        Plans belong to those who write them, so this page writes none. Try it first: the dry run checks everything that
        the plan needs, scores its risk and shows patch and steps, and touches nothing. Its answer stands in the list of
        migrations.
      </p>
      <CopiedText title="1. Try it: kubectl apply -f dry-run.yaml" text={trial} />
      <CopiedText title="2. Do it: kubectl apply -f plan.yaml" text={plan} />
    </div>
  );
}

const Risks = ({ risks }: Pick<ScanRow, 'risks'>) => (
  <ul>
    {risks.map(({ name, containers, cause, check, remedy, uncertain }) => (
      <li key={name} className="scc-text">
        {uncertain ? 'May fail' : 'Will fail'}: {name}
        {containers.length > 0 ? ` (${containers.join(', ')})` : ''}: {cause}. Check: {check}. Remedy: {remedy}.
      </li>
    ))}
  </ul>
);

/** All that a scan says of one workload. */
export const Scanned = ({ row, aim }: { row: ScanRow; aim: string }) => (
  <div className="scc-stack">
    <dl className="scc-facts">
      {rowFacts(row, aim).map(([title, text]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd className="scc-text">{text}</dd>
        </div>
      ))}
    </dl>
    {row.risks.length > 0 ? <Risks risks={row.risks} /> : null}
    {row.patch === null ? null : (
      <CopiedText title="Patch of the pod template" text={JSON.stringify(row.patch, null, 2)} />
    )}
    <PlanOf row={row} />
  </div>
);

const COLUMNS = 5;

/** A workload as a row that opens. */
export function ScannedRow({ row, aim }: { row: ScanRow; aim: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <tr>
        <td>
          <Button variant="link" isInline aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {workloadName(row)}
          </Button>
        </td>
        <td className="scc-word">{row.current ?? (row.nextRestart.refusal === null ? 'no SCC' : 'refused')}</td>
        <td className="scc-word">{row.target ?? '–'}</td>
        <td className="scc-word">{row.category}</td>
        <td className="scc-text">{firstObstacle(row)}</td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={COLUMNS}>
            <Scanned row={row} aim={aim} />
          </td>
        </tr>
      ) : null}
    </>
  );
}
