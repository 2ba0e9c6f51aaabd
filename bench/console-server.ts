import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { constants, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import {
  aBatch,
  aRequest,
  aSigner,
  completedEvents,
  domainDatabase,
  ownWorkload,
  recorded,
  Sealer,
  startTestApi,
} from '@scc/governance/testing';
import { createGovernanceClient } from '@scc/governance-api';
import { PLAN_GROUP } from '@scc/plan';
import { createLogger } from '@scc/runtime';
import { makeAuthority, issueLeaf } from '@scc/tls';

/**
 * The API with its consoles in a process of its own: it opens so many, records a plan at a steady pace while they are
 * open, and tells how long each record took until each console was told of it and had loaded its list again.
 */
const ORIGIN = `${PLAN_GROUP}/bench`;
/** A user may have 30 streams. */
const PER_USER = 20;
const RECORD_EVERY_MS = 1_000;
/** As the pages do: several changes load once. */
const GATHER_MS = 300;
/** A console loads over a connection that it keeps. */
const agent = new Agent({ keepAlive: true });

// As the API of governance, which leaves its processors to reviews; the consoles, which are here too, have their own.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const life = { now: new Date(), lifeMs: 60 * 60 * 1000 };
const authority = await makeAuthority('console-bench', life);
const leaf = await issueLeaf(authority, { names: ['127.0.0.1'], ...life });

const database = await domainDatabase();
const sealer = new Sealer(database.app, {
  origin: ORIGIN,
  signer: aSigner(ORIGIN),
  previousSigner: null,
  holder: 'bench',
  logger: createLogger('console-bench', 'error'),
  onCheckpoint: () => undefined,
});
sealer.start();
const plain = await startTestApi(database.app);
const secure = await startTestApi(database.app, {
  keyPair: { key: leaf.key, certificate: leaf.certificate, authorities: authority.certificate },
});
/** Patient, on a machine that does much else. */
const engine = createGovernanceClient({ url: plain.url, token: () => Promise.resolve('worker'), timeoutMs: 60_000 });

let records = 0;
/** When each record was committed, by the name of its plan. */
const committed = new Map<string, number>();
async function record(): Promise<string> {
  const name = `plan-${(records += 1)}`;
  const request = aRequest(ownWorkload(name));
  await engine.evaluate(request.plan.uid, request);
  // The list shows a migration when something was reported of it.
  await engine.report(request.plan.uid, aBatch(request, recorded(completedEvents.slice(0, 1))));
  committed.set(name, performance.now());
  return name;
}

interface Waits {
  told: number[];
  loaded: number[];
}
let waits: Waits = { told: [], loaded: [] };
let stopping = new AbortController();

/** As cheap as it can be: consoles have machines of their own. */
async function loadList(options: { headers: { authorization: string }; signal: AbortSignal }): Promise<void> {
  const outgoing = get(`${plain.url}/v1/migrations?limit=50`, { ...options, agent });
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`the list answers ${response.statusCode ?? 'nothing'}`);
  await once(response.resume(), 'end');
}

/** An open console: it is told, and loads the list that it shows again. */
async function follow(user: string, { signal }: AbortController): Promise<void> {
  const headers = { authorization: `Bearer ${user}/viewer` };
  const response = await fetch(`${plain.url}/v1/stream`, { headers, signal });
  if (!response.ok || !response.body) throw new Error(`the stream answers ${response.status}`);
  const { told, loaded } = waits;
  let isWaiting = false;
  const load = async (since: number): Promise<void> => {
    if (isWaiting) return;
    isWaiting = true;
    await delay(GATHER_MS, undefined, { signal });
    isWaiting = false;
    await loadList({ headers, signal });
    loaded.push(performance.now() - since);
  };
  const decoder = new TextDecoder();
  const read = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of body)
      for (const [, name = ''] of decoder.decode(chunk, { stream: true }).matchAll(/"name":"(plan-\d+)"/g)) {
        const since = committed.get(name);
        if (since === undefined) continue;
        told.push(performance.now() - since);
        load(since).catch(() => undefined);
      }
  };
  read(response.body).catch(() => undefined);
}

async function recordUntil({ signal }: AbortController): Promise<void> {
  while (!signal.aborted) {
    await record();
    await delay(RECORD_EVERY_MS);
  }
}

let recording: Promise<void> = Promise.resolve();
const acts = {
  open: async (consoles: number) => {
    waits = { told: [], loaded: [] };
    stopping = new AbortController();
    await Promise.all(
      Array.from({ length: consoles }, (_none, at) => follow(`user-${Math.floor(at / PER_USER)}`, stopping)),
    );
    recording = recordUntil(stopping);
    return {};
  },
  close: async () => {
    stopping.abort();
    await recording;
    return waits;
  },
  record: async () => ({ name: await record() }),
};
interface Act {
  act: keyof typeof acts;
  consoles: number;
}

process.on('message', ({ act, consoles }: Act) => {
  void acts[act](consoles).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
process.send?.({ url: secure.url });
