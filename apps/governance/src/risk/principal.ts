/**
 * The principal of a plan, for the share that one principal may have in what others are told. A service account acts
 * for many, but in each namespace for those who own it; of plans of an unknown author the same is assumed.
 */
export const principalOf = ({ author, namespace }: { author: string | null; namespace: string }): string =>
  author === null || author.startsWith('system:serviceaccount:') ? `${author ?? 'unknown'} in ${namespace}` : author;
