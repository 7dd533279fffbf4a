/** Streams at a time; 0 for no limit. */
export interface StreamLimits {
  /** Of one plugin configuration: a route's, where the plugin is on a route. */
  max_streams: number
  /** Of all in this process. */
  max_streams_total: number
}

/** Streams under way: of all plugins that share it, and of each. */
export class StreamCounter {
  private total = 0
  private readonly byPlugin = new Map<string, number>()

  /**
   * Takes a place for a stream.
   *
   * @returns what gives the place back, however often it is called; `undefined` if there is none
   */
  take(pluginId: string, limits: StreamLimits | undefined): (() => void) | undefined {
    const own = this.byPlugin.get(pluginId) ?? 0
    if (limits && (isFull(own, limits.max_streams) || isFull(this.total, limits.max_streams_total))) {
      return undefined
    }
    this.total++
    this.byPlugin.set(pluginId, own + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.total--
      const left = this.byPlugin.get(pluginId)! - 1
      if (left > 0) this.byPlugin.set(pluginId, left)
      else this.byPlugin.delete(pluginId)
    }
  }
}

/** What one of several processes may have of the limits of all: together no more than those, but one each in any case. */
export function shareOf(limits: StreamLimits | undefined, workers = 1): StreamLimits | undefined {
  if (!limits || workers === 1) return limits
  const share = (limit: number) => (limit === 0 ? 0 : Math.max(1, Math.floor(limit / workers)))
  return { max_streams: share(limits.max_streams), max_streams_total: share(limits.max_streams_total) }
}

function isFull(count: number, limit: number): boolean {
  return limit > 0 && count >= limit
}

/** All streams of this process. */
export const streams = new StreamCounter()
