import { type Path, pathText } from './faults.js'

export interface Named {
  id: string
  name?: string | undefined
}

/** The entities of one kind, found by name or by id, and each of both only once. */
export class Registry<T extends Named> {
  readonly #kind: string
  readonly #byKey = { id: new Map<string, [T, Path]>(), name: new Map<string, [T, Path]>() }

  constructor(kind: string) {
    this.#kind = kind
  }

  /** What clashes with an entity that is already there, by the field that they share. */
  add(entity: T, path: Path): { field: 'id' | 'name'; message: string }[] {
    const clashes: { field: 'id' | 'name'; message: string }[] = []
    for (const field of ['id', 'name'] as const) {
      const key = entity[field]
      if (key === undefined) continue
      const first = this.#byKey[field].get(key)
      if (first === undefined) this.#byKey[field].set(key, [entity, path])
      else clashes.push({ field, message: this.#clash(field, key, first[1]) })
    }
    return clashes
  }

  find(reference: string): T | undefined {
    return (this.#byKey.name.get(reference) ?? this.#byKey.id.get(reference))?.[0]
  }

  /** Kong's words for it, and where the first one is. */
  #clash(field: string, key: string, first: Path): string {
    const where = pathText(first)
    return `uniqueness violation: '${this.#kind}' entity with ${field} set to '${key}' already declared (${where})`
  }
}
