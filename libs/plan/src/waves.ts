import { createHash } from 'node:crypto';
import type { CampaignSpec, Member } from './campaign.js';
import { areApart, memberKey } from './members.js';

const byText = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
/** Rising risk; among equals the order of their names, so that the same workloads always give the same waves. */
const inOrder = (one: Member, other: Member): number =>
  one.risk - other.risk || byText(memberKey(one), memberKey(other));

/** The sizes of the waves of so many workloads: about the same, the first ones smaller; or as they were given. */
function sizesOf(total: number, { count, sizes }: CampaignSpec['waves']): number[] {
  if (!sizes) {
    const waves = Math.min(count, total);
    const least = Math.floor(total / waves);
    return Array.from({ length: waves }, (_wave, at) => least + (at >= waves - (total % waves) ? 1 : 0));
  }
  const all: number[] = [];
  for (let left = total, at = 0; left > 0; at++) {
    const size = Math.min(left, sizes[at] ?? sizes.at(-1) ?? left);
    all.push(size);
    left -= size;
  }
  return all;
}

/**
 * The waves of a campaign, in the order of rising risk. Workloads that share a ServiceAccount, or of which one calls the
 * other, come into different waves where there is room for that; where there is not, they share a wave and still never
 * move at once (`startable`).
 *
 * @param placed the wave that the author gave to each workload, by `memberKey`; empty when the risk decides
 */
export function wavesOf<M extends Member>(
  members: readonly M[],
  { waves }: Pick<CampaignSpec, 'waves'>,
  placed: ReadonlyMap<string, number> = new Map(),
): M[][] {
  if (members.length === 0) return [];
  const ordered = [...members].sort(inOrder);
  if (placed.size > 0) {
    const numbers = [...new Set(ordered.map((member) => placed.get(memberKey(member)) ?? 0))].sort((a, b) => a - b);
    return numbers.map((number) => ordered.filter((member) => (placed.get(memberKey(member)) ?? 0) === number));
  }
  const found = sizesOf(ordered.length, waves).map((size) => ({
    size,
    members: [] as M[],
  }));
  for (const member of ordered) {
    const open = found.filter((wave) => wave.members.length < wave.size);
    const wave = open.find(({ members: own }) => !own.some((other) => areApart(member, other))) ?? open[0];
    wave?.members.push(member);
  }
  return found.map((wave) => wave.members.sort(inOrder));
}

/** What an approval of a wave is bound to: its workloads and their targets, whatever their order. */
export function waveHash(members: readonly Member[]): string {
  const lines = members.map((member) => `${memberKey(member)} ${member.targetSCC}\n`).sort(byText);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
