/** The oldest Node that runs this, as package.json says. This file must load in any other: it imports nothing. */
const OLDEST = [22, 19] as const;

/** Why a version of Node does not run this, and what to do; null when it does. */
export function nodeFault(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return null;
  return `sccctl needs Node ${OLDEST.join('.')} or newer, and this is ${version}\nInstall a newer Node, or name it first in PATH.`;
}
