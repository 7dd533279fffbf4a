import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { command as check } from '../../lib/commands/check.js'
import { command as gateway } from '../../lib/commands/gateway.js'
import { command as mock } from '../../lib/commands/mock.js'
import { command as pluginServer } from '../../lib/commands/plugin-server.js'
import type { Field, FieldEntry } from '../../lib/schema/field.js'
import { Schema } from '../../plugins/ai-proxy/schema.js'

const ROOT = path.resolve(import.meta.dirname, '../..')
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8')

/** What stands below a heading, up to the next one. */
function section(heading: string): string {
  const [, text] = new RegExp(`^#+ ${heading}\\n([^]*?)(?=^##)`, 'm').exec(README) ?? []
  if (text === undefined) throw new Error(`README.md has no section '${heading}'`)
  return text
}

/** The rows of a section's tables without their headings, each by its cells. */
function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
}

const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word!)

/** Every field below a schema by its path, with its default; a list of records is one. */
function leaves(fields: readonly FieldEntry[], parent = ''): [path: string, value: unknown][] {
  return fields.flatMap((entry) =>
    Object.entries(entry).flatMap(([name, field]: [string, Field]): [string, unknown][] => {
      if (field.fields) return leaves(field.fields, `${parent}${name}.`)
      const isList = field.type === 'array' && field.elements?.type === 'record'
      return [[`${parent}${name}${isList ? '[]' : ''}`, field.default]]
    }),
  )
}

describe("README's table of the configuration", () => {
  /** Further names of a row stand without the path that they share with the first. */
  const documented = rows(section('Configuration')).flatMap(([names = '', type = '']) => {
    const [first, ...others] = quoted(names)
    if (first === undefined || first === 'config.') return []
    const parent = first.slice(0, first.lastIndexOf('.') + 1)
    return [first, ...others.map((name) => parent + name)].map((name) => ({ name, type }))
  })

  it('has every field of the schema, and no other', () => {
    const names = leaves(Schema).map(([name]) => name)
    expect(documented.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
  })

  it('has their defaults', () => {
    const withDefault = leaves(Schema).filter(([, value]) => value !== undefined)
    const defaults = withDefault.map(([name, value]) => {
      return [name, [typeof value === 'string' ? value : JSON.stringify(value)]]
    })
    const given = new Map(documented.map(({ name, type }) => [name, quoted(type)]))
    expect(withDefault.map(([name]) => [name, given.get(name)])).toEqual(defaults)
  })
})

describe("README's table of flags", () => {
  const text = section('Commands')
  const usages = [gateway, pluginServer, check, mock].map(({ usage }) => usage).join('\n')

  it('has every flag, and no other', () => {
    const named = new Set(quoted(text).flatMap((word) => /^--[a-z-]+/.exec(word) ?? []))
    const known = new Set([...usages.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag!))
    expect([...named].toSorted()).toEqual([...known, '--help'].toSorted())
  })

  it('has every environment variable of theirs, and no other', () => {
    const known = new Set(usages.match(/\bKONG_[A-Z_]+/g))
    expect(new Set(text.match(/\bKONG_[A-Z_]+/g))).toEqual(known)
  })
})

describe("README's table of metrics", () => {
  it('has every metric by its name, and no other', () => {
    const folder = path.join(ROOT, 'lib')
    const known = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => readFileSync(path.join(folder, file), 'utf8').match(/(?<=')kong_ai_\w+(?=')/g) ?? [])
    const named = rows(section('Watch it')).flatMap(([names = '']) => quoted(names))
    const ours = named.filter((name) => name.startsWith('kong_ai_'))
    expect(ours.toSorted()).toEqual([...new Set(known)].toSorted())
  })
})

describe("README's contents", () => {
  it('lead to headings that there are', () => {
    const anchors = [...README.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    )
    const links = [...README.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!)
    for (const link of links) expect(anchors).toContain(link)
  })
})
