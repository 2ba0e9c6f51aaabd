import type { ShownMigration } from '../data/types.js';
import { WideTable } from './table.js';
import { Empty } from './states.js';

const ROLES = { before: 'before the migration', canary: 'canary', after: 'after the migration' } as const;

export function Pods({ migration: { pods } }: { migration: ShownMigration }) {
  if (pods.length === 0)
    return <Empty title="No pod is known yet">Pods appear here when the facts are gathered.</Empty>;
  return (
    <WideTable isInCard label="Pods of the migration" columns={['Pod', 'SCC', 'Side', 'Node']}>
      {pods.map(({ uid, name, role, scc, node }) => (
        <tr key={`${role} ${uid}`}>
          <td>{name}</td>
          <td>{scc ?? 'unknown'}</td>
          <td>{ROLES[role]}</td>
          <td>{node ?? 'none'}</td>
        </tr>
      ))}
    </WideTable>
  );
}
