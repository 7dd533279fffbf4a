/** The encodings that OpenAI has published, under the names of `gpt-tokenizer`. */
export type EncodingName = 'o200k_base' | 'cl100k_base' | 'p50k_base' | 'r50k_base'

/** How images are counted: see `images.ts`. */
export type ImageRule = 'tiles' | 'tiles-mini' | 'tiles-o' | 'tiles-gpt5' | 'patches' | 'claude' | 'gemini'

/** How a model counts. */
export interface TokenModel {
  readonly encoding: EncodingName
  /** The model's own tokens for one of the encoding's. 1: the encoding is its own. */
  readonly ratio: number
  /** What an answer has besides its text: the marks at its beginning and end. */
  readonly answer: number
  /** What a tool call has besides its name and arguments. */
  readonly call: number
  /** What the provider tells the model about tools, once there are any. */
  readonly tools: number
  readonly images: ImageRule
  /** Tokens a patch, for `patches`. */
  readonly patchFactor: number
}

type Rule = readonly [name: RegExp, how: Partial<TokenModel>]

const OTHERWISE: TokenModel = {
  encoding: 'o200k_base',
  ratio: 1,
  answer: 0,
  call: 0,
  tools: 0,
  images: 'tiles',
  patchFactor: 1,
}

/**
 * The first rule that fits a name is the model's. OpenAI's models have their own encoding; the constants of their answers
 * are those of recorded ones. No tokenizer is public for most of the others: they count as o200k times a ratio, a
 * least-squares fit of the answers that the Vercel AI SDK has recorded (`spec/fixtures/recorded`), good to about 5 % for
 * English prose and worse for anything else. A family without recordings counts as o200k does.
 *
 * Sources: https://github.com/openai/tiktoken/blob/main/tiktoken/model.py; tool prompts:
 * https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview#pricing; images: `images.ts`
 */
const RULES: readonly Rule[] = [
  [/^gpt-4\.1-mini/, { images: 'patches', patchFactor: 1.62, call: 4 }],
  [/^gpt-4\.1-nano/, { images: 'patches', patchFactor: 2.46, call: 4 }],
  [/^gpt-5(?:\.\d+)?-mini/, { images: 'patches', patchFactor: 1.62, answer: 10, call: 7 }],
  [/^gpt-5(?:\.\d+)?-nano/, { images: 'patches', patchFactor: 2.46, answer: 10, call: 7 }],
  [/^o4-mini/, { images: 'patches', patchFactor: 1.72, answer: 10, call: 7 }],
  [/^(?:gpt-5\.[2-9]|gpt-[6-9])/, { images: 'tiles-gpt5', answer: 4, call: 7 }],
  [/^gpt-5/, { images: 'tiles-gpt5', answer: 10, call: 7 }],
  [/^o\d/, { images: 'tiles-o', answer: 10, call: 7 }],
  [/^gpt-4o-mini/, { images: 'tiles-mini', call: 4 }],
  [/^(?:gpt-4[o.]|chatgpt-4o|gpt-oss)/, { call: 4 }],
  [/^(?:gpt-4|gpt-3\.5|gpt-35|text-embedding-)/, { encoding: 'cl100k_base', call: 4 }],
  [/^(?:davinci|babbage)-002/, { encoding: 'cl100k_base' }],
  [/^(?:text-davinci-00[23]|code-)/, { encoding: 'p50k_base' }],
  [/^(?:text-)?(?:davinci|curie|babbage|ada)/, { encoding: 'r50k_base' }],
  [
    /claude-(?:opus-(?:4-[7-9]|[5-9])|sonnet-[5-9]|haiku-[5-9]|fable)/,
    { ratio: 1.36, call: 17, tools: 346, images: 'claude' },
  ],
  [/claude/, { ratio: 1.2, call: 17, tools: 346, images: 'claude' }],
  [/gemini|gemma/, { ratio: 1.04, answer: 1, call: 7, images: 'gemini' }],
  [/command|c4ai|aya/, { ratio: 1.02 }],
  [/mistral|mixtral|ministral|magistral|codestral|devstral|pixtral/, { ratio: 1.03, call: 14 }],
  [/qwen|qwq/, { ratio: 1.015, answer: 2, call: 12 }],
  [/deepseek-v4/, { ratio: 1.055, call: 34 }],
  [/deepseek/, { ratio: 1.01, answer: 2, call: 34 }],
  [/llama/, { ratio: 1.01, call: 12 }],
  [/kimi|moonshot/, { answer: 1, call: 4 }],
  [/grok/, { call: 19 }],
  [/sonar/, { ratio: 1.02 }],
]

/**
 * How the first of these names counts that any rule knows. Names are as providers have them: dated
 * (`gpt-4o-2024-08-06`), tuned (`ft:gpt-4o:org::id`), behind a provider (`openai/gpt-4o`, `us.anthropic.claude-...`).
 */
export function tokenModel(...names: string[]): TokenModel {
  for (const name of names) {
    const plain = name
      .toLowerCase()
      .replace(/^.*\//, '')
      .replace(/^ft:/, '')
      .replace(/^(?:[a-z]{2,6}\.)?[a-z0-9]+\.(?=[a-z])/, '')
    const rule = RULES.find(([pattern]) => pattern.test(plain))
    if (rule !== undefined) return { ...OTHERWISE, ...rule[1] }
  }
  return OTHERWISE
}
