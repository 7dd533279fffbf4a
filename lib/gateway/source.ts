import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Json } from '../llm/json.js'
import type { Path } from './faults.js'

export interface Position {
  line: number
  column: number
}

/** A YAML (or JSON) text: its value, and where each part of it stands. */
export interface Source {
  value: Json
  /** Where the key (or the array's item) at `path` stands; the nearest one above it where there is no such thing. */
  locate(path: Path): Position
}

export interface SyntaxFault extends Position {
  message: string
}

/** YAML 1.2 with merge keys (`<<`). Duplicate keys and unknown tags are faults as much as broken syntax is. */
export function readSource(text: string): Source | SyntaxFault[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) {
    return problems.map(({ pos, message }) => Object.assign(position(pos[0]), { message }))
  }

  let value: Json
  try {
    value = document.toJS()
  } catch (error) {
    // Aliases that multiply each other, or that lead nowhere.
    return [{ line: 1, column: 1, message: String(error) }]
  }

  return {
    value,
    locate(path) {
      let node: unknown = document.contents
      let offset = start(node)
      for (const part of path) {
        const found = step(document, resolve(document, node), part)
        if (found === undefined) break
        node = found.node
        offset = found.offset
      }
      return position(offset)
    },
  }
}

/** One part of a path further: the node there, and where its key (or the array's item) begins. */
function step(
  document: Document,
  parent: unknown,
  part: string | number,
): { node: unknown; offset: number } | undefined {
  if (isSeq(parent)) {
    const node = parent.items[Number(part)]
    return node === undefined ? undefined : { node, offset: start(node) }
  }
  if (!isMap(parent)) return undefined
  const merged: unknown[] = []
  for (const pair of parent.items) {
    const key = isScalar(pair.key) ? pair.key.value : undefined
    if (String(key) === String(part)) return { node: pair.value, offset: start(pair.key) }
    // The key `<<` is a symbol: a text "<<" in quotes is a key like others.
    if (typeof key !== 'symbol') continue
    const source = resolve(document, pair.value)
    merged.push(...(isSeq(source) ? source.items.map((one) => resolve(document, one)) : [source]))
  }
  // A key that came by `<<` stands where it was written.
  for (const source of merged) {
    const found = step(document, source, part)
    if (found !== undefined) return found
  }
  return undefined
}

function resolve(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function start(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}
