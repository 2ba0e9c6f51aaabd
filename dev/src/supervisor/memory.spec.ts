import { bytesOf, parentsOf } from './memory.js';

describe('a limit of memory', () => {
  it.each([
    ['768Mi', 805_306_368],
    ['1Gi', 1_073_741_824],
    ['64M', 64_000_000],
    ['1.5Ki', 1536],
    ['129e6', 129_000_000],
    ['2000m', 2],
    ['4096', 4096],
  ])('of %s is %i bytes', (quantity, bytes) => {
    expect(bytesOf(quantity)).toBe(bytes);
  });

  it.each(['', 'much', '1 Gi', '5Xi'])('refuses %j with its name', (quantity) => {
    expect(() => bytesOf(quantity)).toThrow('limits.memory: ');
  });
});

describe('the groups that may hold those of a stack', () => {
  it.each([
    ['0::/\n', ['2 /sys/fs/cgroup']],
    [
      '0::/user.slice/session-1.scope\n',
      ['2 /sys/fs/cgroup/user.slice/session-1.scope', '2 /sys/fs/cgroup/user.slice', '2 /sys/fs/cgroup'],
    ],
    [
      '9:name=systemd:/\n4:memory:/docker/ab\n1:cpu:/\n',
      ['1 /sys/fs/cgroup/memory/docker/ab', '1 /sys/fs/cgroup/memory/docker', '1 /sys/fs/cgroup/memory'],
    ],
    ['4:memory,hugetlb:/\n0::/\n', ['1 /sys/fs/cgroup/memory', '2 /sys/fs/cgroup']],
    ['5:cpu,memory:/a\n', ['1 /sys/fs/cgroup/memory/a', '1 /sys/fs/cgroup/memory']],
    ['7:name=memory-of-others:/x\n', []],
    ['0::/../../other\n', ['2 /sys/fs/cgroup/other', '2 /sys/fs/cgroup']],
    ['', []],
  ])('of %j', (groups, folders) => {
    expect(parentsOf(groups).map(({ version, folder }) => `${version} ${folder}`)).toEqual(folders);
  });
});
