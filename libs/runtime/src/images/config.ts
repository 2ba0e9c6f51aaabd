import { z } from 'zod';

/** The registries that a process may ask about images. */
export const imageRegistryConfig = {
  IMAGE_REGISTRY_HOSTS: z
    .string()
    .default('')
    .describe(
      'the registries that may be asked what images say of themselves, with where they keep content, as NAME, NAME:PORT or *.DOMAIN separated by commas; none unless set',
    ),
  IMAGE_REGISTRY_NETWORKS: z
    .string()
    .default('')
    .describe(
      'networks in CIDR notation that they may be in although these are private, of the link or of the machine',
    ),
  IMAGE_REGISTRY_CA_FILE: z.string().optional().describe('the authority of their certificates, as PEM'),
};

/** The registries that a process may ask. */
export interface Registries {
  hosts: string;
  networks: string;
  caFile: string | undefined;
}

interface RegistryVariables {
  IMAGE_REGISTRY_HOSTS: string;
  IMAGE_REGISTRY_NETWORKS: string;
  IMAGE_REGISTRY_CA_FILE?: string | undefined;
}

/** Null unless the installation names hosts. */
export const registriesIn = ({
  IMAGE_REGISTRY_HOSTS: hosts,
  IMAGE_REGISTRY_NETWORKS: networks,
  IMAGE_REGISTRY_CA_FILE: caFile,
}: RegistryVariables): Registries | null => (hosts === '' ? null : { hosts, networks, caFile });
