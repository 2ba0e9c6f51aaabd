import { afterAll, beforeAll } from '@jest/globals';
import { startTestApi, type TestApi, type TestApiOptions } from './api.fixture.js';
import { domainDatabase, type DomainDatabase } from './governance.fixture.js';

const START_MS = 60_000;

/** Stands for what is there once the suite has begun. */
const once = <Part extends object>(part: () => Part | undefined): Part =>
  new Proxy({} as Part, {
    get: (_target, key): unknown => {
      const there = part();
      if (!there) throw new Error(`${String(key)} was asked for before the suite began`);
      return Reflect.get(there, key);
    },
  });

/** A database of the suite's own, from before its first test until after its last. */
export function governanceSuite(settings: Record<string, string> = {}): DomainDatabase {
  let database: DomainDatabase | undefined;
  beforeAll(async () => {
    database = await domainDatabase(settings);
  }, START_MS);
  afterAll(() => database?.close());
  return once(() => database);
}

/** The same with the API that answers from it. */
export function apiSuite(options: TestApiOptions = {}): { database: DomainDatabase; test: TestApi } {
  const database = governanceSuite();
  let test: TestApi | undefined;
  beforeAll(async () => {
    test = await startTestApi(database.app, options);
  }, START_MS);
  afterAll(() => test?.close());
  return { database, test: once(() => test) };
}
