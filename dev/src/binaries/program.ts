import type { Binary } from './catalogue.js';
import { defaultCache, find } from './find.js';

/** The path of a program that is no part of every stack; it is built when no machine has it yet. */
export async function foundProgram(wanted: Binary, progress: (line: string) => void): Promise<string> {
  const environment = process.env;
  const { binaries } = await find({ cache: defaultCache(environment), environment, catalogue: [wanted], progress });
  const program = binaries[wanted.name];
  if (program === undefined) throw new Error(`${wanted.name} was neither found nor built`);
  return program;
}
