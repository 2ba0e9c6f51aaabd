import { Button } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { hrefOf } from '../data/route.js';

interface TableProps {
  columns: readonly string[];
  /** Its rows. */
  children: ReactNode;
}

export const Table = ({ columns, children }: TableProps) => (
  <table className="scc-table">
    <thead>
      <tr>
        {columns.map((title) => (
          <th key={title} scope="col">
            {title}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>{children}</tbody>
  </table>
);

interface WideTableProps extends TableProps {
  label: string;
  /** Stands beside another part of the page, or below it on a telephone, which alone is too narrow for it. */
  isInCard?: boolean;
}

/** A table that scrolls by itself where the page is too narrow for it. */
export const WideTable = ({ label, isInCard = false, ...table }: WideTableProps) => (
  <div className={isInCard ? 'scc-scroll scc-in-card' : 'scc-scroll'} role="region" aria-label={label} tabIndex={0}>
    <Table {...table} />
  </div>
);

/** The name of a plan, which leads to its page. */
export const PlanLink = ({ plan }: { plan: { uid: string; namespace: string; name: string } }) => (
  <a href={hrefOf(['migrations', plan.uid])}>
    {plan.namespace}/{plan.name}
  </a>
);

/** Leads to another page of a list. */
export const PageLink = ({ href, children }: { href: string; children: string }) => (
  <Button component="a" variant="secondary" href={href}>
    {children}
  </Button>
);
