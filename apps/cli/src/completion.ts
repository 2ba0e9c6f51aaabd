import { Argument, type Command, Command as NewCommand } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];
const NAMES = ['sccctl', 'kubectl-scc', 'oc-scc'];

/** A place in the tree of commands, such as `plan`, and the words that may follow there. */
interface Place {
  readonly at: string;
  readonly words: readonly string[];
}

const optionsOf = (command: Command): string[] => command.options.flatMap(({ long }) => long ?? []);

/** Every place of a command line. @param inherited options that may stand anywhere */
export function placesOf(command: Command, at = '', inherited = optionsOf(command)): Place[] {
  const below = command.commands.map((one) => one.name());
  const own = at === '' ? [] : optionsOf(command);
  return [
    { at, words: [...below, ...own, ...inherited, '--help'] },
    ...command.commands.flatMap((one) => placesOf(one, `${at} ${one.name()}`, inherited)),
  ];
}

function bash(places: readonly Place[]): string {
  const known = places.flatMap(({ at }) => (at === '' ? [] : `"${at}"`)).join('|');
  const cases = places.map(({ at, words }) => `    "${at}") words="${words.join(' ')}" ;;`);
  return `_sccctl() {
  local at="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in ${known}) at="$at $word" ;; esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
${NAMES.map((name) => `complete -o default -F _sccctl ${name}`).join('\n')}
`;
}

function fish(places: readonly Place[]): string {
  const known = places.flatMap(({ at }) => (at === '' ? [] : `'${at}'`)).join(' ');
  const lines = places.flatMap(({ at, words }) =>
    NAMES.map((name) => `complete -c ${name} -n "__sccctl_at '${at}'" -a '${words.join(' ')}'`),
  );
  return `function __sccctl_at
  set -l at ""
  for word in (commandline -opc)[2..]
    contains -- "$at $word" ${known}; and set at "$at $word"
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

/** The script by which a shell completes the words of a command line. */
export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program);
  if (shell === 'fish') return fish(places);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash(places)}` : bash(places);
}

/** `sccctl completion` */
export const completionCommand = (program: () => Command): Command =>
  new NewCommand('completion')
    .description('a script that completes commands and options: source <(sccctl completion bash)')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, program()));
    });
