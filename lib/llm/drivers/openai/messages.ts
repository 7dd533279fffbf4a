import { isObject, type Json } from '../../json.js'
import type { Quirks } from './quirks.js'

/** The messages as a server with these quirks takes them: the list itself where nothing changes. */
export function adaptMessages(messages: Json[], quirks: Quirks, dropped: string[]): Json[] {
  if (quirks.noDeveloperRole !== true && quirks.noMessageNames !== true) return messages
  let changed = false
  const adapted = messages.map((message, i) => {
    const next = adaptMessage(message, quirks, `messages[${i}]`, dropped)
    if (next !== message) changed = true
    return next
  })
  return changed ? adapted : messages
}

function adaptMessage(message: Json, quirks: Quirks, path: string, dropped: string[]): Json {
  if (!isObject(message)) return message
  const asSystem = quirks.noDeveloperRole === true && message.role === 'developer'
  const { name, ...nameless } = message
  const dropsName = quirks.noMessageNames === true && name !== undefined && message.role !== 'tool'
  if (dropsName && name !== null && name !== '') dropped.push(`${path}.name`)
  if (!asSystem && !dropsName) return message
  return { ...(dropsName ? nameless : message), ...(asSystem && { role: 'system' }) }
}
