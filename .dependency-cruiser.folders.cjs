const { forbidden: _forbidden, options } = require('./.dependency-cruiser.cjs');

/** Tests may look at their folder from above, and fixtures serve many folders: the rule is for what is shipped. */
const TEST = '\\.(spec|fixture|bench)\\.ts$|/testing\\.ts$|^libs/testing/';

/** One more rule, in a file of its own because it looks at the code without its tests. */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles-between-folders',
      comment: 'The imports of two folders run one way, those of types too: move what both need below them.',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
  ],
  options: { ...options, exclude: { path: `${options.exclude.path}|${TEST}` } },
};
