import {
  compileSCCs,
  type CompiledSCC,
  decide,
  type AdmissionRequest,
  type Pod,
  type PodTemplate,
  REQUIRED_SCC_ANNOTATION,
  SECCOMP_POD_ANNOTATION,
} from '@scc/scc';

type Context = Readonly<Record<string, unknown>>;
const LISTS = ['initContainers', 'containers'] as const;

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const contextOf = (value: unknown): Context => (typeof value === 'object' && value !== null ? { ...value } : {});

function without<T>(record: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

/** A securityContext with each field as `choose` says; undefined leaves it out. */
function rebuilt(fields: Iterable<string>, choose: (field: string) => unknown): Record<string, unknown> {
  const chosen = [...new Set(fields)].map((field) => [field, choose(field)] as const);
  return Object.fromEntries(chosen.filter(([, value]) => value !== undefined));
}

/** A pod whose security contexts are taken from `pick`, which gets the contexts of pod and author side by side. */
function withContexts(
  pod: Pod,
  template: PodTemplate,
  pick: (at: string, now: Context, author: Context) => Context,
): Pod {
  const spec = { ...pod.spec };
  spec.securityContext = pick('pod', contextOf(pod.spec.securityContext), contextOf(template.spec.securityContext));
  for (const list of LISTS)
    spec[list] = (pod.spec[list] ?? []).map((container) => {
      const author = template.spec[list]?.find(({ name }) => name === container.name);
      if (!author) return container;
      const at = `${list}/${container.name}`;
      const context = pick(at, contextOf(container.securityContext), contextOf(author.securityContext));
      return { ...container, securityContext: context };
    });
  return { ...pod, spec };
}

function contextAt(pod: Pod, at: string): Context {
  if (at === 'pod') return contextOf(pod.spec.securityContext);
  const [list, name] = at.split('/');
  const containers = list === 'initContainers' ? pod.spec.initContainers : pod.spec.containers;
  return contextOf(containers?.find((container) => container.name === name)?.securityContext);
}

/** The pod as its author wrote it: what another hand could have set is the template's, and nothing is injected. */
function asWritten(pod: Pod, template: PodTemplate): Pod {
  const annotations = without(pod.metadata.annotations ?? {}, [REQUIRED_SCC_ANNOTATION, SECCOMP_POD_ANNOTATION]);
  const written = template.metadata?.annotations?.[SECCOMP_POD_ANNOTATION];
  const stripped = withContexts(pod, template, (_at, _now, author) => author);
  for (const list of LISTS)
    stripped.spec[list] = (stripped.spec[list] ?? []).filter((container) =>
      template.spec[list]?.some(({ name }) => name === container.name),
    );
  return {
    ...stripped,
    metadata: {
      ...pod.metadata,
      annotations: { ...annotations, ...(written ? { [SECCOMP_POD_ANNOTATION]: written } : {}) },
    },
  };
}

/**
 * Takes back what the first pass of SCC admission defaulted under `first` and the author's template does not say, so
 * that another SCC can default it again. A field that holds anything else than that default was set by a user after
 * the first pass and stays.
 */
export function undefault(request: AdmissionRequest, template: PodTemplate, first: CompiledSCC): Pod {
  const { pod } = request;
  const author = asWritten(pod, template);
  const only = compileSCCs([first.source]);
  const defaulted = decide({ ...request, pod: author, mayUse: () => true }, only);
  if (defaulted.decision !== 'admitted') return pod;
  const result = withContexts(pod, template, (at, now, written) => {
    const byDefault = contextAt(defaulted.pod, at);
    return rebuilt([...Object.keys(now), ...Object.keys(written)], (field) =>
      isSame(now[field], byDefault[field]) ? written[field] : now[field],
    );
  });
  const profile = pod.metadata.annotations?.[SECCOMP_POD_ANNOTATION];
  if (profile === undefined || profile !== defaulted.annotations[SECCOMP_POD_ANNOTATION]) return result;
  return { ...result, metadata: { ...pod.metadata, annotations: author.metadata.annotations } };
}
