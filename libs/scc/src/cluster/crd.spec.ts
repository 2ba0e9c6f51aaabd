import { sccCustomResourceDefinition } from './crd.js';
import { defaultSCCs } from './default-sccs.js';
import { sccSchema } from '../model/scc.js';

const { openAPIV3Schema: schema } = sccCustomResourceDefinition().spec.versions[0]!.schema;

describe('the CustomResourceDefinition', () => {
  it('knows every field of the model, so that none is pruned', () =>
    expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(sccSchema.shape).sort()));
  it('accepts the default SCCs', () => {
    for (const scc of defaultSCCs()) {
      expect(schema.required.filter((field) => scc[field] === undefined)).toEqual([]);
      const nulls = Object.keys(scc).filter((field) => scc[field] === null);
      expect(nulls.filter((field) => schema.properties[field]?.['nullable'] !== true)).toEqual([]);
    }
  });
});
