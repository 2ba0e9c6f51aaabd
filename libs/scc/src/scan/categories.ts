/**
 * What can be done about a workload:
 * - `Strict`: it runs under the aim or a stricter SCC;
 * - `AsIs`: a stricter SCC admits it as it is;
 * - `Patch`: after a patch of its template;
 * - `Volume`: the data on its volumes belongs to another user id, and has to be seen to first;
 * - `Never`: no stricter SCC admits it, whatever is changed in its security settings;
 * - `Operator`: an operator writes its template;
 * - `Exempt`: SCC admission does not look at its namespace.
 */
export const CATEGORIES = ['Strict', 'AsIs', 'Patch', 'Volume', 'Never', 'Operator', 'Exempt'] as const;
export type Category = (typeof CATEGORIES)[number];

const MEANINGS: Record<Category, (aim: string) => string> = {
  Strict: (aim) => `run under ${aim} or stricter`,
  AsIs: () => 'can as they are',
  Patch: () => 'can with a patch',
  Volume: () => 'need their volumes seen to',
  Never: () => 'cannot',
  Operator: () => 'belong to operators',
  Exempt: () => 'are exempt',
};

/** A category in the words that follow a number of workloads. @param aim the SCC that they were held against */
export const categoryWords = (category: Category, aim: string): string => MEANINGS[category](aim);
