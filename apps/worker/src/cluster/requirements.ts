/** One requirement of a selector, as labels of pods and of nodes are asked. */
interface SetRequirement {
  key: string;
  operator: unknown;
  values: readonly unknown[];
}

/** Whether labels meet a requirement on sets; null for an operator that is not one on sets. */
export function meetsSetRequirement(
  { key, operator, values }: SetRequirement,
  labels: Readonly<Record<string, string>>,
): boolean | null {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return null;
  }
}
