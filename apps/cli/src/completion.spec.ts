import { describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { completionScript, placesOf } from './completion.js';
import { nodeFault } from './node-version.js';

function aProgram(): Command {
  const program = new Command('sccctl').option('-o, --output <format>');
  program.addCommand(new Command('get').option('-w, --watch'));
  program.addCommand(new Command('plan').addCommand(new Command('lint').option('--sccs <file>')));
  return program;
}

describe('completion', () => {
  it('knows commands below commands, their options and those of every command', () => {
    expect(placesOf(aProgram())).toEqual([
      { at: '', words: ['get', 'plan', '--output', '--help'] },
      { at: ' get', words: ['--watch', '--output', '--help'] },
      { at: ' plan', words: ['lint', '--output', '--help'] },
      { at: ' plan lint', words: ['--sccs', '--output', '--help'] },
    ]);
  });

  it.each(['bash', 'zsh', 'fish'] as const)('names every command of each of its names for %s', (shell) => {
    const script = completionScript(shell, aProgram());
    for (const word of ['sccctl', 'kubectl-scc', 'oc-scc', 'lint', '--sccs']) expect(script).toContain(word);
  });
});

describe('the version of Node', () => {
  it.each([
    ['20.19.5', false],
    ['22.18.0', false],
    ['22.19.0', true],
    ['24.21.0', true],
    ['26.0.0', true],
  ])('%s: runs this is %s', (version, runs) => {
    expect(nodeFault(version)).toEqual(runs ? null : expect.stringContaining(`this is ${version}\n`));
  });
});
