import type { Pod } from '@scc/scc';
import { z } from 'zod';

const mountsSchema = z.looseObject({
  volumeMounts: z
    .array(z.looseObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().nullish() }))
    .nullish(),
});

interface Mount {
  mountPath: string;
  readOnly?: boolean | null | undefined;
}

/** How the containers of a pod mount one of its volumes. */
export const mountsOf = ({ spec }: Pod, volume: string | undefined): Mount[] =>
  spec.containers.flatMap((container) =>
    (mountsSchema.parse(container).volumeMounts ?? []).filter(({ name }) => name === volume),
  );
