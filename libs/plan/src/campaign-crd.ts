import { campaignSpecSchema } from './campaign.js';
import { campaignStatusSchema } from './campaign-status.js';
import { column, crdOf, jsonSchema, type Schema } from './crd.js';
import { CAMPAIGN_KIND, CAMPAIGN_PLURAL } from './kinds.js';

const selection: Schema = {
  rule: 'has(self.selector) != has(self.workloads)',
  message: 'set exactly one of selector and workloads',
};
const rising: Schema = {
  rule: '!has(oldSelf.attempt) || (has(self.attempt) && self.attempt >= oldSelf.attempt)',
  message: 'attempt only rises',
  fieldPath: '.attempt',
};
const aborted: Schema = {
  rule: '!has(oldSelf.abort) || !oldSelf.abort || (has(self.abort) && self.abort)',
  message: 'an aborted campaign is not taken up again; create another one',
  fieldPath: '.abort',
};

/** The CustomResourceDefinition of SCCMigrationCampaign, generated from the zod schema. */
export const campaignCRD = (): Schema =>
  crdOf({
    kind: CAMPAIGN_KIND,
    plural: CAMPAIGN_PLURAL,
    scope: 'Cluster',
    names: { singular: 'sccmigrationcampaign', shortNames: ['sccmc'] },
    columns: [
      column('Phase', '.status.phase'),
      column('Wave', '.status.wave', { type: 'integer' }),
      column('Waves', '.status.counts.waves', { type: 'integer' }),
      column('Done', '.status.progress'),
      column('Failed', '.status.counts.failed', { type: 'integer' }),
      column('Message', '.status.message', { priority: 1 }),
      column('Age', '.metadata.creationTimestamp', { type: 'date' }),
    ],
    description: 'Moves many workloads between Security Context Constraints, one plan for each, in waves.',
    spec: { ...jsonSchema(campaignSpecSchema), 'x-kubernetes-validations': [selection, rising, aborted] },
    status: jsonSchema(campaignStatusSchema),
  });
