import type { SeenNeed } from './report.js';

const SHORT = 19;

type Seen<Source extends SeenNeed['source']> = Extract<SeenNeed, { source: Source }>;

const withList = (words: string, list: readonly (string | number)[]): string =>
  list.length > 0 ? `${words} ${list.join(', ')}` : '';

function ofImage({ container, image, user, ports, volumes, platform, digest }: Seen<'image'>): string {
  const is = user === '' ? 'root, for it names no user' : `user ${user}`;
  const more = `${withList(', port', ports)}${withList(', volume', volumes)}`;
  return `${container}: its image ${image} says ${is}${more} (${platform}, ${digest.slice(0, SHORT)} when it was read)`;
}

function ofProfile({ container, profile, status, fromStart, checked }: Seen<'profile'>): string {
  const coverage = `${status || 'unknown'}, ${fromStart ? 'from its start on' : 'not from its start'}`;
  const seen = checked.length > 0 ? `${checked.join(', ')}; a check is not a need` : 'no capability';
  return `${container}: ${profile} of Kubescape (${coverage}) saw it checked for ${seen}`;
}

function ofRecording({ container, profile, recording, partial, ...seen }: Seen<'recording'>): string {
  const { calls, types, capabilities } = seen;
  const all = [
    calls === null ? '' : `${calls} system call${calls === 1 ? '' : 's'}`,
    withList('the SELinux types', types),
    withList('the capabilities', capabilities),
  ].filter((part) => part !== '');
  const of = partial ? 'of one pod' : 'merged or of its only pod';
  return `${container}: ${profile} (recording ${recording}, ${of}) holds ${all.join(', ') || 'nothing'}; other times may need more`;
}

/** One thing that was seen of a workload's needs, with how much was seen, as a sentence without its end. */
export function evidenceSentence(one: SeenNeed): string {
  switch (one.source) {
    case 'running user':
      return `${one.container} ran as user ${one.uid} by its image, seen in ${one.seenIn} of ${one.pods} pods`;
    case 'image':
      return ofImage(one);
    case 'profile':
      return ofProfile(one);
    case 'recording':
      return ofRecording(one);
    case 'image not read':
      return `${one.container}: its image ${one.image} was not read: ${one.reason}`;
  }
}
