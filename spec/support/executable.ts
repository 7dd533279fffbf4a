import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** Where a program is on the PATH; `undefined` if it is not. */
export function executable(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  return folders.map((folder) => path.join(folder, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
