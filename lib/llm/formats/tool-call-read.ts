import { newId } from '../ids.js'
import { isObject, type JsonObject } from '../json.js'
import type { Sink } from '../sink.js'
import { isText } from './read.js'

/**
 * Tells the tool calls of one choice apart. OpenAI numbers them and names each once; others leave the number out, give
 * several calls the same one, repeat id and name in every delta, make no id, or send arguments as an object.
 */
export class ToolCallReader {
  private count = 0
  /** Our numbers of the calls, by their id and by the server's own number, of which the last one to have it counts. */
  private readonly byId = new Map<string, number>()
  private readonly byIndex = new Map<number, number>()

  constructor(
    private readonly sink: Sink,
    private readonly choice: number,
  ) {}

  /** One element of `tool_calls`, of a delta or a whole message. */
  read(call: JsonObject): void {
    const details = isObject(call.function) ? call.function : {}
    let number = this.find(call, isText(details.name))
    if (number === -1) number = this.start(call, details)
    const args = details.arguments
    const text = isText(args) ? args : isObject(args) ? JSON.stringify(args) : ''
    if (text !== '') this.sink.toolArgs(this.choice, number, text)
  }

  /** The number of the call that the element goes on with; -1 for a new one. */
  private find(call: JsonObject, named: boolean): number {
    const { id, index } = call
    if (isText(id)) {
      const same = this.byId.get(id)
      if (same !== undefined || named) return same ?? -1
    }
    if (typeof index === 'number') return this.byIndex.get(index) ?? -1
    return named ? -1 : this.count - 1
  }

  private start(call: JsonObject, details: JsonObject): number {
    const number = this.count++
    const id = isText(call.id) ? call.id : newId('call_')
    this.byId.set(id, number)
    if (typeof call.index === 'number') this.byIndex.set(call.index, number)
    const extra = isObject(call.extra_content) ? call.extra_content : undefined
    this.sink.toolStart(this.choice, number, id, isText(details.name) ? details.name : '', extra)
    return number
  }
}
