/**
 * The root of a base image out of what this machine has: Node as it runs here, npm, a shell, and the few commands that
 * deploy/docker/Dockerfile calls. It stands for `node:24-bookworm-slim` where no registry of images can be reached.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMMANDS = ['sh', 'env', 'mkdir', 'mv', 'rm', 'touch', 'chmod', 'uname', 'tar', 'find', 'cat', 'ls'];
const FOLDERS = ['tmp', 'root', 'etc', 'usr/bin', 'usr/lib'];
/** Libraries that Node opens while it runs: to look hosts up, and for packages with compiled code. */
const OPENED = [
  ...['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0'],
  ...['librt.so.1', 'libutil.so.1', 'libgcc_s.so.1', 'libstdc++.so.6'],
];

/** The file that a name stands for, without following a script manager. */
const where = async (name: string): Promise<string> => (await run('sh', ['-c', `command -v ${name}`])).stdout.trim();

/** The shared libraries of a program, as the paths that its loader looks for. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]).catch(() => ({ stdout: '' }));
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, file = '']) => file);
}

async function put(folder: string, file: string, as = file): Promise<void> {
  const target = path.join(folder, as);
  await mkdir(path.dirname(target), { recursive: true });
  await cp(await realpath(file), target);
}

/** Fills an empty folder; throws naming the program that this machine lacks. */
export async function fillBase(folder: string): Promise<void> {
  for (const one of FOLDERS) await mkdir(path.join(folder, one), { recursive: true });
  // The layout of a merged /usr, which the loaders' own paths go through.
  for (const one of ['bin', 'lib', 'lib64', 'sbin'])
    if ((await lstat(`/${one}`).catch(() => null))?.isSymbolicLink() === true) {
      await mkdir(path.join(folder, 'usr', one), { recursive: true });
      await symlink(`usr/${one}`, path.join(folder, one));
    }
  await chmod(path.join(folder, 'tmp'), 0o1777);
  await writeFile(path.join(folder, 'etc', 'passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(path.join(folder, 'etc', 'group'), 'root:x:0:\n');
  for (const file of ['/etc/ssl/certs/ca-certificates.crt', '/etc/nsswitch.conf', '/etc/os-release'])
    await put(folder, file).catch(() => undefined);
  const programs = [
    ...(await Promise.all(COMMANDS.map(async (name) => ({ from: await where(name), as: `/usr/bin/${name}` })))),
    { from: process.execPath, as: '/usr/bin/node' },
  ];
  for (const { from, as } of programs) {
    await put(folder, from, as);
    for (const library of await librariesOf(await realpath(from))) await put(folder, library);
  }
  const [libc = ''] = (await librariesOf(process.execPath)).filter((file) => file.includes('libc.so'));
  for (const name of OPENED) await put(folder, path.join(path.dirname(libc), name)).catch(() => undefined);
  const npm = await realpath(await where('npm'));
  const home = path.dirname(path.dirname(npm));
  if ((JSON.parse(await readFile(path.join(home, 'package.json'), 'utf8')) as { name: string }).name !== 'npm')
    throw new Error(`npm was not found beside ${npm}`);
  await cp(home, path.join(folder, 'usr/lib/node_modules/npm'), { recursive: true, dereference: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', path.join(folder, 'usr/bin/npm'));
}
