/** What a process of the bench does when it is asked. Messages are plain data both ways. */
export type Answers = Readonly<Record<string, (argument: never) => unknown>>;

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Answers the parent process, and ends with it. */
export function serveParent(answers: Answers): void {
  process.on('message', (question: Question) => void reply(answers, question));
  process.once('disconnect', () => process.exit());
}

async function reply(answers: Answers, { id, name, argument }: Question): Promise<void> {
  try {
    const answer = answers[name] as ((argument: unknown) => unknown) | undefined;
    if (answer === undefined) throw new Error(`there is no ${name}`);
    send({ id, result: await answer(argument) });
  } catch (error) {
    send({ id, error: String(error) });
  }
}

function send(reply: Reply): void {
  process.send?.(reply);
}
