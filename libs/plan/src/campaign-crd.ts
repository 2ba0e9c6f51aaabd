import { campaignSpecSchema } from './campaign.js';
import { campaignStatusSchema } from './campaign-status.js';
import { column, jsonSchema, type Schema } from './crd.js';
import { CAMPAIGN_KIND, CAMPAIGN_PLURAL, PLAN_GROUP, PLAN_VERSION } from './kinds.js';

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
export function campaignCRD(): Schema {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${CAMPAIGN_PLURAL}.${PLAN_GROUP}` },
    spec: {
      group: PLAN_GROUP,
      scope: 'Cluster',
      names: {
        kind: CAMPAIGN_KIND,
        listKind: `${CAMPAIGN_KIND}List`,
        plural: CAMPAIGN_PLURAL,
        singular: 'sccmigrationcampaign',
        shortNames: ['sccmc'],
      },
      versions: [
        {
          name: PLAN_VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column('Phase', '.status.phase'),
            column('Wave', '.status.wave', { type: 'integer' }),
            column('Waves', '.status.counts.waves', { type: 'integer' }),
            column('Done', '.status.progress'),
            column('Failed', '.status.counts.failed', { type: 'integer' }),
            column('Message', '.status.message', { priority: 1 }),
            column('Age', '.metadata.creationTimestamp', { type: 'date' }),
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              required: ['spec'],
              description: 'Moves many workloads between Security Context Constraints, one plan for each, in waves.',
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: { ...jsonSchema(campaignSpecSchema), 'x-kubernetes-validations': [selection, rising, aborted] },
                status: jsonSchema(campaignStatusSchema),
              },
            },
          },
        },
      ],
    },
  };
}
