import { DEMO_MODEL } from '../demo/world.ts';

/** A token to try a router of the demo with, and how. */
export function tokenToTry(baseUrl: string, token: string): string {
  return `A token of 1000 sat. It is the API key:

export TOKEN=${token}

With curl:

curl ${baseUrl}/chat/completions -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
  -d '{"model":"${DEMO_MODEL}","messages":[{"role":"user","content":"Hello"}]}'
`;
}
