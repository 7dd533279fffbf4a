import { type Path, pathText } from './faults.js'

export interface Named {
  id: string
  name?: string | undefined
}

/** The entities of one kind, found by name or by id, and each of both only once. */
export class Registry<T extends Named> {
  readonly #kind: string
  readonly #nameField: string
  readonly #byName = new Map<string, [T, Path]>()
  readonly #byId = new Map<string, [T, Path]>()

  constructor(kind: string, nameField = 'name') {
    this.#kind = kind
    this.#nameField = nameField
  }

  /** The field by which an entity clashes with one that is already there, with Kong's words for it. */
  add(entity: T, path: Path): { field: string; message: string } | undefined {
    const { name, id } = entity
    // An id may be derived from the name: a clash of both is one of names.
    const sameName = name === undefined ? undefined : this.#byName.get(name)
    if (name !== undefined && sameName) return this.#clash(this.#nameField, name, sameName[1])
    const sameId = this.#byId.get(id)
    if (sameId) return this.#clash('id', id, sameId[1])
    if (name !== undefined) this.#byName.set(name, [entity, path])
    this.#byId.set(id, [entity, path])
    return undefined
  }

  find(reference: string): T | undefined {
    return (this.#byName.get(reference) ?? this.#byId.get(reference))?.[0]
  }

  #clash(field: string, key: string, first: Path): { field: string; message: string } {
    const what = `'${this.#kind}' entity with ${field} set to '${key}'`
    return { field, message: `uniqueness violation: ${what} already declared (${pathText(first)})` }
  }
}
