import { decrypt, encrypt, getConversationKey } from 'nostr-tools/nip44';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';

import { connectToRelay } from '../support/relay-client.ts';

export interface BunkerQuestion {
  readonly id: string;
  readonly method: string;
  readonly params: readonly string[];
}

/** A remote signer (NIP-46) with a key of its own for talking, and another one to sign with. */
export interface FakeBunker extends AsyncDisposable {
  readonly address: string;
  /** The key it signs with. */
  readonly pubkey: string;
  readonly questions: BunkerQuestion[];
}

/** What it answers; undefined: nothing. */
type Answering = (
  question: BunkerQuestion,
  honest: () => { readonly result?: string; readonly error?: string },
) => object | undefined;

const REMOTE_SIGNING = 24_133;

export async function startFakeBunker(
  relayUrl: string,
  answering: Answering = (_question, honest) => honest(),
): Promise<FakeBunker> {
  const talkKey = generateSecretKey();
  const signKey = generateSecretKey();
  const talkPubkey = getPublicKey(talkKey);
  const pubkey = getPublicKey(signKey);
  const questions: BunkerQuestion[] = [];
  const relay = await connectToRelay(relayUrl);

  const honest = ({ method, params }: BunkerQuestion) => {
    switch (method) {
      case 'connect':
        return params[1] === 'let me in' ? { result: 'ack' } : { error: 'who are you?' };
      case 'get_public_key':
        return { result: pubkey };
      case 'sign_event':
        return { result: JSON.stringify(finalizeEvent(JSON.parse(params[0] ?? ''), signKey)) };
      default:
        return { error: 'what?' };
    }
  };
  // A relay keeps no question that comes before.
  relay.send('REQ', 'questions', { kinds: [REMOTE_SIGNING], '#p': [talkPubkey] });
  await relay.next(([verb]) => verb === 'EOSE');
  const serve = async (): Promise<void> => {
    for (;;) {
      const [, , event] = (await relay.next(([verb]) => verb === 'EVENT')) as readonly [
        string,
        string,
        { readonly pubkey: string; readonly content: string },
      ];
      const secret = getConversationKey(talkKey, event.pubkey);
      const question = JSON.parse(decrypt(event.content, secret)) as BunkerQuestion;
      questions.push(question);
      const answer = answering(question, () => honest(question));
      if (answer === undefined) continue;
      const template = {
        kind: REMOTE_SIGNING,
        created_at: Math.floor(Date.now() / 1000),
        tags: [['p', event.pubkey]],
        content: encrypt(JSON.stringify({ id: question.id, ...answer }), secret),
      };
      relay.send('EVENT', finalizeEvent(template, talkKey));
    }
  };
  // Ends with its connection.
  serve().catch(() => undefined);
  const query = new URLSearchParams({ relay: relayUrl, secret: 'let me in' });
  return {
    address: `bunker://${talkPubkey}?${query}`,
    pubkey,
    questions,
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}
