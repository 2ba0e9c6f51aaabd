import { undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import { planOfWorkflow } from './migrations.js';

const ref = { namespace: 'shop', name: 'ledger', uid: 'c0ffee00-0000-4000-8000-000000000000' };

describe('workflow ids', () => {
  it.each<[string, string, typeof ref | undefined]>([
    ['name their plan', workflowIdOf(ref), ref],
    ['of an undo name none', undoWorkflowIdOf(ref), undefined],
    ['of others name none', 'scc/shop/ledger', undefined],
    ['that only look alike name none', `${workflowIdOf(ref)}/more`, undefined],
  ])('%s', (_case, id, expected) => {
    expect(planOfWorkflow(id)).toEqual(expected);
  });
});
