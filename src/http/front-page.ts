import type { NodeDescription } from './node-description.ts';

/** The page that a browser sees. */
export function frontPage(node: NodeDescription): string {
  const name = escaped(node.name);
  const base = escaped(node.url ?? 'http://localhost:8402');
  const mints = node.mints.map((mint) => `<li><code>${escaped(mint)}</code></li>`).join('');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name}</title>
<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem}pre{background:#8882;padding:1rem;overflow:auto}</style>
<h1>${name}</h1>
<p>${escaped(node.about)}</p>
<p>An OpenAI-compatible API that is paid per request with ecash. Use a Cashu token as the API key; what an answer does not cost comes back
as change.</p>
<pre>curl ${base}/v1/chat/completions \\
  -H "Authorization: Bearer cashuB..." \\
  -H "Content-Type: application/json" \\
  -d '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}'</pre>
<p>Tokens of these mints are taken:</p>
<ul>${mints}</ul>
<p>See <a href="/v1/models">the models and their prices</a> and <a href="/v1/info">this node</a>. To get back what a token has left:
<code>POST /v1/wallet/refund</code> with the token.</p>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
