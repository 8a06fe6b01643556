import type { NodeView } from '../app/market-view.ts';
import { FAILED, OK } from './command.ts';
import type { ProvidersView } from './providers-view.ts';

/** Asks a node now who it is and what it sells; exit 1 when it does not answer as it ought to. */
export async function probe(
  { args, terminal, discovery }: ProvidersView,
  node: NodeView,
): Promise<number> {
  const { probeNode } = await import('../app/probe-node.ts');
  const found = await probeNode(node, discovery).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${node.url}: ${why}`, { cause: error });
  });
  const { status, ms, namesItsKey, models } = found;
  const naming = namesItsKey ? 'names its key' : 'does not name the key that announced it';
  const told = args.json
    ? JSON.stringify({ id: node.id, ...found })
    : `${node.id} answers ${status} in ${ms} ms, ${naming}, lists ${models} ${models === 1 ? 'model' : 'models'}`;
  terminal.stdout.write(`${told}\n`);
  return status === 200 && models > 0 ? OK : FAILED;
}
