/** From the top of the file down: names of fields and indices of array items. */
export type Path = readonly (string | number)[]

/** Something that the operator wrote and we cannot run as it is meant. */
export interface ConfigFault {
  file: string
  /** Counted from 1, as editors do. */
  line: number
  column: number
  /** `services[0].routes[1].plugins[0].config.model.provider`; `''` for the file as a whole. */
  path: string
  message: string
}

/** `['services', 0, 'name']` as `services[0].name`. */
export function pathText(path: Path): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('')
}

/** `targets[0].auth` and `targets.0.auth` alike as `['targets', 0, 'auth']`. */
export function parsePath(text: string): (string | number)[] {
  const parts = text.match(/[^.[\]]+/g) ?? []
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}

/** One line, in the form that compilers use: `kong.yml:12:9 services[0].retries: expected an integer`. */
export function formatFault({ file, line, column, path, message }: ConfigFault): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}`
}
