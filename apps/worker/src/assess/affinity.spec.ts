import { roomBeside, type NodePlace, type Standing } from './affinity.js';

const HOST = 'kubernetes.io/hostname';
const app = (value: string) => ({ matchLabels: { app: value } });
const term = (labelSelector: object | null, over: object = {}) => ({ topologyKey: HOST, labelSelector, ...over });
const required = (...terms: object[]) => ({ requiredDuringSchedulingIgnoredDuringExecution: terms });
const apart = (...terms: object[]) => ({ affinity: { podAntiAffinity: required(...terms) } });
const together = (...terms: object[]) => ({ affinity: { podAffinity: required(...terms) } });
const pod = (value: string, spec: object = {}, { namespace = 'shop', tier = 'x' } = {}): Standing => ({
  namespace,
  labels: { app: value, tier },
  spec,
});
const node = (name: string, running: Standing[] = [], room = 5): NodePlace => ({
  labels: { [HOST]: name, zone: name < 'c' ? 'west' : 'east' },
  running,
  room,
});
const stable = pod('web', apart(term(app('web'))));
const three = [node('a', [stable]), node('b', [stable]), node('c', [stable])];
const canary = (spec: object = {}) => pod('web-canary', spec);

describe('roomBeside', () => {
  it.each<[string, Standing, NodePlace[], number]>([
    ['is that of the nodes where nothing keeps the pods away', canary(), three, 15],
    ['is one on each node of pods that keep apart', canary(apart(term(app('web-canary')))), three, 3],
    ['is none beside pods that they keep away from', canary(apart(term(app('web')))), three, 0],
    ['is on the nodes that are left', canary(apart(term(app('web')))), [...three, node('d')], 5],
    ['is none where those that run keep away from them', pod('web'), three, 0],
    [
      'is none beside what has a label that both sides carry',
      canary(apart(term({ matchLabels: { tier: 'x' } }))),
      [...three, node('d')],
      1,
    ],
    ['is one in each zone', canary(apart(term(app('web-canary'), { topologyKey: 'zone' }))), three, 2],
    ['is free on nodes without the label', canary(apart(term(app('web'), { topologyKey: 'rack' }))), three, 15],
    ['knows where pods are', canary(apart(term(app('web')))), [node('a', [pod('web', {}, { namespace: 'x' })])], 5],
    [
      'knows which namespaces are meant',
      canary(apart(term(app('web'), { namespaces: ['x'] }))),
      [node('a', [pod('web', {}, { namespace: 'x' })])],
      0,
    ],
    ['is where the pods have to be', canary(together(term(app('cache')))), [...three, node('d', [pod('cache')])], 5],
    ['is nowhere without what they have to be with', canary(together(term(app('cache')))), three, 0],
    ['is anywhere for the first of a kind', canary(together(term(app('web-canary')))), three, 15],
    ['is not bounded by what is not understood', canary(apart(term(app('web'), { namespaceSelector: {} }))), three, 15],
    ['is not bounded by a term that means no pod', canary(apart(term(null))), three, 15],
    [
      'is one on each node of pods of one template',
      canary(apart(term(app('web-canary'), { matchLabelKeys: ['pod-template-hash'] }))),
      three,
      3,
    ],
    ['is none on a node that is full', canary(apart(term(app('web-canary')))), [node('a', [], 0), node('b')], 1],
  ])('%s', (_case, one, places, expected) => {
    expect(roomBeside(one, places)).toBe(expected);
  });
});
