import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';

/** The repository. */
export const root = path.resolve(import.meta.dirname, '..');

/** The folders of all packages, as package.json's `workspaces` list them. */
export async function packageFolders(): Promise<string[]> {
  const { workspaces } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    workspaces: string[];
  };
  const folders: string[] = [];
  for await (const manifest of glob(
    workspaces.map((folder) => `${folder}/package.json`),
    { cwd: root },
  ))
    folders.push(path.join(root, path.dirname(manifest)));
  return folders.sort();
}
