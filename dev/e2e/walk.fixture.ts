import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { helmProgram } from '../src/chart/helm.js';
import { blocksOf, filledIn, readPage, type Block, type BlockName } from '../src/chart/install-page.fixture.js';
import { ROOT, type Stack } from '../src/index.js';

/** A folder and a shell as a reader of docs/INSTALL.md has them: the chart, kubectl, Helm, Temporal's program. */
export class Walk {
  readonly folder: string;
  readonly #stack: Stack;
  readonly #blocks: readonly Block[];

  private constructor(stack: Stack, folder: string, blocks: readonly Block[]) {
    this.#stack = stack;
    this.folder = folder;
    this.#blocks = blocks;
  }

  static async begin(stack: Stack, major: 3 | 4 = 4): Promise<Walk> {
    const folder = await mkdtemp(path.join(tmpdir(), 'scc-walk-'));
    await mkdir(path.join(folder, 'bin'));
    await symlink(path.join(ROOT, 'deploy'), path.join(folder, 'deploy'));
    const programs = {
      helm: await helmProgram(major),
      kubectl: stack.binary('kubectl'),
      temporal: stack.binary('temporal'),
    };
    for (const [name, file] of Object.entries(programs)) await symlink(file, path.join(folder, 'bin', name));
    return new Walk(stack, folder, blocksOf(await readPage()));
  }

  /** A block's text, with values in place of the page's capitals. */
  text(name: BlockName, values: Readonly<Record<string, string>> = {}): string {
    return filledIn(this.#blocks, name, values);
  }

  /** Runs a text in the stack's network, each command only when the one before it succeeded. @returns what it printed */
  async run(text: string): Promise<string> {
    const script = path.join(this.folder, 'block.sh');
    await writeFile(script, text);
    const environment = [
      `PATH=${path.join(this.folder, 'bin')}:${process.env['PATH'] ?? '/usr/bin:/bin'}`,
      `HOME=${this.folder}`,
      `KUBECONFIG=${this.#stack.kubeconfig.inside}`,
    ];
    return this.#stack.exec('env', ['--chdir', this.folder, ...environment, 'sh', '-eu', script]);
  }

  /** Runs a block of the page as it stands there. @returns what it printed */
  block(name: BlockName, values: Readonly<Record<string, string>> = {}): Promise<string> {
    return this.run(this.text(name, values));
  }

  async end(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
