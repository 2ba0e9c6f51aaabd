import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { NODE, type Stack } from '@scc/dev';
import { z } from 'zod';

const resultSchema = z.object({
  connections: z.array(
    z.object({ client: z.int(), pods: z.array(z.string()), requests: z.int(), closed: z.boolean() }),
  ),
  failures: z.array(z.string()),
});

/** Clients of an address that keep their connections as long as pods let them (connections.process.ts). */
export async function startClients(stack: Stack, address: string, count: number) {
  const program = path.join(import.meta.dirname, 'connections.process.ts');
  const child = stack.spawn(NODE, [program, address, '80'], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!child.stdout || !child.stdin) throw new Error('the clients have no pipes');
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout });
  const answerTo = async (line: string): Promise<string> => {
    const answer = once(lines, 'line') as Promise<[string]>;
    stdin.write(`${line}\n`);
    return (await answer)[0];
  };
  const add = (more: number): Promise<string> => answerTo(String(more));
  await add(count);
  return { add, stop: async () => resultSchema.parse(JSON.parse(await answerTo(''))) };
}
