import { describe, expect, it } from '@jest/globals';
import { defaultSCCs } from './default-sccs.js';
import { defaultSCCsOf } from './releases.js';

const namesOf = (release: string): string[] | undefined =>
  defaultSCCsOf(release)
    ?.map(({ metadata }) => metadata.name)
    .sort();
const volumesOf = (release: string, name: string) =>
  defaultSCCsOf(release)?.find(({ metadata }) => metadata.name === name)?.volumes;

describe('the default SCCs of a release', () => {
  it.each([
    ['4.11', ['hostmount-anyuid-v2', 'restricted-v3', 'nested-container']],
    ['4.16', ['hostmount-anyuid-v2', 'restricted-v3', 'nested-container']],
    ['4.17', ['restricted-v3', 'nested-container']],
    ['4.19', ['restricted-v3', 'nested-container']],
  ])('of %s are without those that came later', (release, later) => {
    const all = defaultSCCs().map(({ metadata }) => metadata.name);
    expect(namesOf(release)).toEqual(all.filter((name) => !later.includes(name)).sort());
  });

  it.each(['4.20', '4.22'])('of %s are all of them', (release) => {
    expect(defaultSCCsOf(release)).toEqual(defaultSCCs());
  });

  it('permit the volumes of their time', () => {
    expect(volumesOf('4.12', 'restricted-v2')).not.toContain('csi');
    expect(volumesOf('4.13', 'restricted-v2')).toContain('csi');
    expect(volumesOf('4.19', 'restricted-v2')).not.toContain('image');
    expect(volumesOf('4.20', 'restricted-v2')).toContain('image');
    expect(volumesOf('4.11', 'privileged')).toEqual(['*']);
  });

  it.each(['4.10', '4.23', '3.11', '4', 'latest', '4.18.1', ''])('are not known of %s', (release) => {
    expect(defaultSCCsOf(release)).toBeNull();
  });
});
