/** The byte-pair encodings we can count with. */
export type EncodingName = 'o200k_base' | 'cl100k_base';

const OLDER = /^(?:openai\/)?(?:gpt-3\.5|gpt-4(?!o|\.1|\.5)|text-embedding)/;

/** The encoding that counts a model's tokens best. Models that are not OpenAI's count like its current ones: close enough. */
export function encodingFor(model: string): EncodingName {
  return OLDER.test(model) ? 'cl100k_base' : 'o200k_base';
}
