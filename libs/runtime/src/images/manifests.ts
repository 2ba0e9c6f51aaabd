import { z } from 'zod';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'it is no sha256 digest');

const indexSchema = z.looseObject({
  manifests: z.array(
    z.looseObject({
      digest,
      platform: z.looseObject({ architecture: z.string(), os: z.string() }).nullish(),
    }),
  ),
});
const manifestSchema = z.looseObject({ config: z.looseObject({ digest }) });

/** Content that names what an image is made of: one image, or one for each platform. */
export const manifestAnswer = z.union([
  indexSchema.transform(({ manifests }) => ({ is: 'index' as const, manifests })),
  manifestSchema.transform(({ config }) => ({ is: 'image' as const, config: config.digest })),
]);
export type ManifestAnswer = z.infer<typeof manifestAnswer>;

/** The media types that are understood, of the OCI and of Docker. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

const keys = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((named) => Object.keys(named ?? {}).sort());

/** `8080/tcp` or `8080`; a range, or another protocol that has no ports, is none. */
const portsOf = (exposed: readonly string[]): number[] =>
  exposed.flatMap((one) => {
    const [, port] = /^(\d{1,5})(?:\/(?:tcp|udp|sctp))?$/i.exec(one) ?? [];
    return port === undefined ? [] : [Number(port)];
  });

/** The configuration of an image, of which only what a container needs is kept. */
export const imageConfigurationSchema = z
  .looseObject({
    architecture: z.string().default(''),
    os: z.string().default(''),
    config: z.looseObject({ User: z.string().nullish(), ExposedPorts: keys, Volumes: keys }).nullish(),
  })
  .transform(({ architecture, os, config }) => ({
    platform: `${os}/${architecture}`,
    user: config?.User ?? '',
    ports: portsOf(config?.ExposedPorts ?? []),
    volumes: config?.Volumes ?? [],
  }));

/** The image for the platform, else the first that is for any. Attestations have no platform, or an unknown one. */
export function chosenOf(
  { manifests }: Extract<ManifestAnswer, { is: 'index' }>,
  platform: string,
): string | undefined {
  const known = manifests.filter(({ platform: of }) => of && of.os !== 'unknown');
  const nameOf = ({ platform: of }: (typeof manifests)[number]): string => `${of?.os ?? ''}/${of?.architecture ?? ''}`;
  return (known.find((one) => nameOf(one) === platform) ?? known[0] ?? manifests[0])?.digest;
}
