import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ROOT } from '../paths.js';

/** How a Dockerfile says that its image runs, and the content of its folder. */
export interface ImageRecipe {
  uid: number;
  gid: number;
  entrypoint: string[];
  workingDir: string;
  env: Record<string, string>;
  /** Paths of the checkout that are in the image's folder by their last name: what is built once for the whole image. */
  whole: string[];
  /** Patterns of paths of the checkout that are in the image's folder by their own names: what each package brings. */
  packages: string[];
}

const entrypointSchema = z.array(z.string()).min(1);

/** The instructions of each stage, without comments and with continued lines as one. */
function stagesOf(text: string): [word: string, rest: string][][] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n');
  const stages: [string, string][][] = [[]];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') stages.push([]);
    if (word !== '') stages.at(-1)?.push([word, rest]);
  }
  return stages;
}

/** @throws Error with what the Dockerfile does not say */
export function recipeOf(text: string): ImageRecipe {
  const stages = stagesOf(text);
  const last = stages.at(-1) ?? [];
  const said = (what: string, found: string | undefined): string => {
    if (found === undefined || found === '') throw new Error(`deploy/docker/Dockerfile: says no ${what}`);
    return found;
  };
  const instruction = (name: string): string => said(name, last.findLast(([word]) => word === name)?.[1]);
  const built = stages
    .flat()
    .flatMap(([word, rest]) => (word === 'RUN' ? [rest] : []))
    .join('\n');
  const words = (what: string, pattern: RegExp): string[] => said(what, pattern.exec(built)?.[1]).split(/\s+/);
  const [uid, gid] = instruction('USER').split(':').map(Number);
  if (uid === undefined || gid === undefined) throw new Error('deploy/docker/Dockerfile: USER names no uid and gid');
  const env = last.flatMap(([word, rest]) =>
    word === 'ENV' ? [...rest.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value] as const) : [],
  );
  return {
    uid,
    gid,
    entrypoint: entrypointSchema.parse(JSON.parse(instruction('ENTRYPOINT'))),
    workingDir: instruction('WORKDIR'),
    env: Object.fromEntries(env),
    whole: words('mv … /app', /\bmv (\S[^&|\n]*?)\s+\/app\b/),
    packages: words('tar -c … |', /\btar -c (\S[^&|\n]*?)\s*\|/),
  };
}

/** deploy/docker/Dockerfile */
export const productRecipe = (): ImageRecipe =>
  recipeOf(readFileSync(path.join(ROOT, 'deploy', 'docker', 'Dockerfile'), 'utf8'));
