import type { KubeClient } from '@scc/kube';
import { z } from 'zod';
import type { KeyPair } from './chain.js';
import { type CertificateSource, followPair, type FollowOptions } from './follow.js';

/** A value of a Secret. */
export const secretText = z.base64().transform((text) => Buffer.from(text, 'base64').toString('utf8'));
const secretSchema = z.looseObject({
  data: z.looseObject({ 'tls.crt': secretText, 'tls.key': secretText, 'ca.crt': secretText.default('') }),
});

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

type Reader = Pick<KubeClient, 'get'>;

async function readPair(client: Reader, { namespace, name }: SecretName): Promise<KeyPair> {
  const secret = await client.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
  if (!secret) throw new Error(`there is no Secret ${namespace}/${name}`);
  const { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': authorities } = secretSchema.parse(secret).data;
  return { certificate, key, authorities };
}

/**
 * Serves the certificate in a Secret that another program keeps current, such as the rotation of another process. A pair
 * that does not fit together is not taken over; the one before it stays.
 * @throws Error when there is no usable pair at the start
 */
export const followSecret = ({
  client,
  secret,
  ...options
}: FollowOptions & { readonly client: Reader; readonly secret: SecretName }): Promise<CertificateSource> =>
  followPair({
    ...options,
    read: () => readPair(client, secret),
    where: { secret: `${secret.namespace}/${secret.name}` },
  });
