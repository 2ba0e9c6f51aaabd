import { expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import { governanceSuite } from '../suite.fixture.js';
import { append, aRecord, aSigner, seal } from './audit-log.fixture.js';
import { AuthorityWatch } from './authority-watch.js';

const database = governanceSuite();
const origin = 'scc.poc/test';

it('an entry that was sealed still says what it did when its search column was renamed', async () => {
  const binding = {
    ...{ ...aRecord(1), actor: { name: 'olga' }, object: { kind: 'RoleBinding', name: '77' } },
    details: { role: 'admin', subject: { kind: 'User', name: 'mallory' }, namespaces: '*' },
  };
  await append(database.app, [
    { ...binding, action: 'access.granted' },
    { ...binding, action: 'access.revoked' },
  ]);
  await seal(database.app, { signer: aSigner(origin), origin });
  await database.admin.query(
    `insert into role_binding (id, role, subject_kind, subject_name, namespaces, created_by)
     overriding system value values (77, 'admin', 'User', 'mallory', '*', 'olga')`,
  );
  await database.admin.query(
    `alter table audit_entry disable trigger user; update audit_entry set action = 'pods.seen' where action = 'access.revoked'`,
  );
  const afterRestart = new AuthorityWatch({ source: database.app, logger: createLogger('watch', 'silent') });
  expect((await afterRestart.look()).map(({ fault, table, key }) => `${fault} ${table} ${key}`)).toContain(
    'row-without-entry role_binding 77',
  );
});
