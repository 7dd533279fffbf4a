/** The encodings that OpenAI has published, under the names of `gpt-tokenizer`. */
export type EncodingName = 'o200k_base' | 'cl100k_base' | 'p50k_base' | 'r50k_base'

/** How images are counted: see `images.ts`. */
export type ImageRule = 'tiles' | 'tiles-mini' | 'tiles-o' | 'tiles-gpt5' | 'patches' | 'claude' | 'gemini'

/** How a model counts. */
export interface TokenModel {
  readonly encoding: EncodingName
  /** The model's own tokens for one of the encoding's. 1: the encoding is its own. */
  readonly ratio: number
  /** With what every answer is primed: a part of the prompt. */
  readonly priming: number
  /** What an answer has besides its text: the marks at its beginning and end. */
  readonly answer: number
  /** One mark more counts where the request offers tools, or where the host is Azure. */
  readonly endsWith: 'tools' | 'azure' | 'either' | undefined
  /** What a refusal has besides its text. */
  readonly refusal: number
  /** What a tool call has besides its name and arguments. */
  readonly call: number
  /** What stands around all calls of an answer, where the request left it to the model to call. */
  readonly calls: number
  /** The same of several calls in one answer, where they are wrapped in a call of their own: around all, around each. */
  readonly parallel: readonly [around: number, each: number] | undefined
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
  priming: 3,
  answer: 0,
  endsWith: undefined,
  refusal: 0,
  call: 0,
  calls: 0,
  parallel: undefined,
  tools: 0,
  images: 'tiles',
  patchFactor: 1,
}

/** `multi_tool_use.parallel`, with a list of the calls for its argument. */
const WRAPPED = { refusal: 1, call: 6, parallel: [7, 10] } as const
/** Channels instead of marks, and a page about them and the tools before the first message. */
const CHANNELS = { priming: 2, call: 7, tools: 81, endsWith: 'azure' } as const
/** Calls are written as XML, an element a parameter: this is for about one. */
const XML = { call: 24, calls: 18 } as const

/**
 * The first rule that fits a name is the model's. OpenAI's models have their own encoding; the constants of their prompts
 * and answers are those of recorded ones (`spec/fixtures/recorded/openai-usage.jsonl`). No tokenizer is public for most of
 * the others: they count as o200k times a ratio, a least-squares fit of the answers that the Vercel AI SDK has recorded
 * (`spec/fixtures/recorded`), good to about 5 % for English prose and worse for anything else. A family without recordings
 * counts as o200k does.
 *
 * Sources: https://github.com/openai/tiktoken/blob/main/tiktoken/model.py; tool prompts:
 * https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview#pricing
 */
const RULES: readonly Rule[] = [
  [/^(?:gpt-5\.[2-9]|gpt-[6-9])/, { ...CHANNELS, answer: 3 }],
  [/^gpt-5/, { ...CHANNELS, answer: 9 }],
  [/^o1/, { ...CHANNELS, answer: 11 }],
  [/^o\d/, { ...CHANNELS, answer: 13 }],
  [/^gpt-4\./, { ...WRAPPED, endsWith: 'either' }],
  [/^gpt-oss/, { priming: 64, answer: 10, call: 11 }],
  [/^(?:gpt-4o|chatgpt-4o)/, { ...WRAPPED, endsWith: 'tools' }],
  [/^(?:gpt-3\.5|gpt-35)/, { encoding: 'cl100k_base', ...WRAPPED, endsWith: 'tools' }],
  [/^(?:gpt-4|text-embedding-)/, { encoding: 'cl100k_base', call: 4 }],
  [/^(?:davinci|babbage)-002/, { encoding: 'cl100k_base' }],
  [/^(?:text-davinci-00[23]|code-)/, { encoding: 'p50k_base' }],
  [/^(?:text-)?(?:davinci|curie|babbage|ada)/, { encoding: 'r50k_base' }],
  [/claude-(?:opus-(?:4-[7-9]|[5-9])|sonnet-[5-9]|haiku-[5-9]|fable)/, { ratio: 1.36, ...XML, tools: 346 }],
  [/claude/, { ratio: 1.2, ...XML, tools: 346 }],
  [/gemini|gemma/, { ratio: 1.04, answer: 1, call: 7 }],
  [/command|c4ai|aya/, { ratio: 1.02 }],
  [/mistral-(?:large|medium)/, { ratio: 1.03, call: 4 }],
  [/mistral|mixtral|ministral|magistral|codestral|devstral|pixtral/, { ratio: 1.03, call: 14 }],
  [/qwen|qwq/, { ratio: 1.015, answer: 2, call: 12 }],
  [/deepseek-v4/, { ratio: 1.055, call: 34 }],
  [/deepseek/, { ratio: 1.01, answer: 2, call: 34 }],
  [/llama/, { ratio: 1.01, call: 12 }],
  [/kimi|moonshot/, { answer: 1, call: 4 }],
  [/grok/, { call: 19 }],
  [/nova/, { call: 10 }],
  [/sonar/, { ratio: 1.02 }],
]

/** How models see images: `images.ts` has the formulas and their sources. */
const IMAGES: readonly Rule[] = [
  [/^(?:gpt-4\.1|gpt-5(?:\.\d+)?)-mini/, { images: 'patches', patchFactor: 1.62 }],
  [/^(?:gpt-4\.1|gpt-5(?:\.\d+)?)-nano/, { images: 'patches', patchFactor: 2.46 }],
  [/^o4-mini/, { images: 'patches', patchFactor: 1.72 }],
  [/^gpt-[5-9]/, { images: 'tiles-gpt5' }],
  [/^o\d/, { images: 'tiles-o' }],
  [/^gpt-4o-mini/, { images: 'tiles-mini' }],
  [/claude/, { images: 'claude' }],
  [/gemini|gemma/, { images: 'gemini' }],
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
    const how = ruleOf(plain, RULES)
    if (how !== undefined) return { ...OTHERWISE, ...how, ...ruleOf(plain, IMAGES) }
  }
  return OTHERWISE
}

function ruleOf(name: string, rules: readonly Rule[]): Partial<TokenModel> | undefined {
  return rules.find(([pattern]) => pattern.test(name))?.[1]
}
