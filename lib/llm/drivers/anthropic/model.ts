/** What a model's generation takes or refuses, told from its name. */
export interface ModelTraits {
  /** Thinks by `adaptive` and an effort, never by a budget; takes no sampling parameters. */
  adaptiveOnly: boolean
  /** Takes `temperature` or `top_p`, not both. */
  oneSampling: boolean
}

/** `claude-opus-4-1-20250805` is 4.1; the dates of `claude-opus-4-20250514` are no minor version. */
const VERSION = /claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/

/**
 * Names that say no version (aliases, `claude-3-haiku`, another vendor's) get the first generation's rules: a model
 * that asks for less takes them, and one that does not answers with a clear 400.
 *
 * Source: https://docs.claude.com/en/docs/about-claude/models/migrating-to-claude-4 (and
 * /docs/build-with-claude/adaptive-thinking)
 */
export function modelTraits(model: string): ModelTraits {
  const [, major, minor] = VERSION.exec(model) ?? []
  const version = Number(major ?? 0) * 100 + Number(minor ?? 0)
  return {
    adaptiveOnly: version >= 407 || model.includes('claude-mythos'),
    oneSampling: version >= 401,
  }
}
