import { expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { createLane } from '../../src/wallet/lane.ts';

const turn = (key: string, waitMs = 10_000) => ({ key, deadlineMs: Date.now() + waitMs });

function setUp(maxWaiting = 100) {
  const breaker = { closedForMs: 0 };
  const lane = createLane({ maxWaiting, clock: systemClock, breaker });
  const begun: string[] = [];
  /** Occupies the lane until `release`. */
  const gate = Promise.withResolvers<void>();
  const first = lane.run(turn('first'), () => gate.promise);
  const note = (name: string) => async (): Promise<string> => {
    begun.push(name);
    return name;
  };
  return { breaker, lane, begun, first, note, release: gate.resolve };
}

test('tasks of one key run one at a time, in the order they came', async () => {
  const { lane, begun, first, note, release } = setUp();
  const rest = ['a', 'b', 'c'].map((name) => lane.run(turn('k'), note(name)));

  expect(begun).toEqual([]);
  release();
  await first;

  expect(await Promise.all(rest)).toEqual(['a', 'b', 'c']);
  expect(begun).toEqual(['a', 'b', 'c']);
});

test('never two tasks run at the same time', async () => {
  const { lane, release } = setUp();
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
  };
  const tasks = Array.from({ length: 50 }, (_, i) => lane.run(turn(`k${i % 7}`), work));

  release();
  await Promise.all(tasks);

  expect(most).toBe(1);
});

test('keys take turns, so a flood of one does not starve the others', async () => {
  const { lane, begun, note, release } = setUp();
  const flood = ['f1', 'f2', 'f3', 'f4'].map((name) => lane.run(turn('flood'), note(name)));
  const honest = lane.run(turn('honest'), note('honest'));

  release();
  await Promise.all([...flood, honest]);

  expect(begun).toEqual(['f1', 'honest', 'f2', 'f3', 'f4']);
});

test('when the lane is full the key with the most tasks gives way', async () => {
  const { lane, begun, note, release } = setUp(3);
  const flood = ['f1', 'f2', 'f3'].map((name) => lane.run(turn('flood'), note(name)));
  const honest = lane.run(turn('honest'), note('honest'));

  await expect(flood[2]).rejects.toMatchObject({ code: 'cashu_mint_busy', status: 503 });
  expect(lane.waiting).toBe(3);
  await expect(lane.run(turn('flood'), note('f4'))).rejects.toMatchObject({
    code: 'cashu_mint_busy',
  });
  release();
  await Promise.all([flood[0], flood[1], honest]);

  expect(begun).toEqual(['f1', 'honest', 'f2']);
});

test('a task that waits past its deadline never begins', async () => {
  const { lane, begun, note, release } = setUp();
  const late = lane.run(turn('k', 20), note('late'));
  const patient = lane.run(turn('k'), note('patient'));

  await expect(late).rejects.toMatchObject({ code: 'cashu_mint_unreachable', status: 503 });
  release();
  await patient;

  expect(begun).toEqual(['patient']);
});

test('a task that fails gives the lane on', async () => {
  const { lane, note, release } = setUp();
  const failing = lane.run(turn('k'), () => Promise.reject(new Error('swap failed')));
  const next = lane.run(turn('k'), note('next'));

  release();

  await expect(failing).rejects.toThrow('swap failed');
  expect(await next).toBe('next');
});

test('while the breaker is open nothing begins, neither new tasks nor waiting ones', async () => {
  const { breaker, lane, begun, note, release } = setUp();
  const waiting = lane.run(turn('k'), note('waiting'));

  breaker.closedForMs = 5000;
  const refused = lane.run(turn('k'), note('refused'));
  release();

  await expect(refused).rejects.toMatchObject({ code: 'cashu_mint_unreachable', retryAfterS: 5 });
  await expect(waiting).rejects.toMatchObject({ code: 'cashu_mint_unreachable' });
  expect(begun).toEqual([]);
  breaker.closedForMs = 0;
  expect(await lane.run(turn('k'), note('again'))).toBe('again');
});
