import { CredentialError, errorKind } from './error.js'

/**
 * A package that only some credentials need, loaded when one does.
 *
 * @throws CredentialError that names the package where it cannot be loaded
 */
export async function optionalPackage<T>(name: string, use: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    throw new CredentialError(
      `${use} needs the package ${name}, which could not be loaded (${errorKind(error)}): npm install ${name}`,
    )
  }
}
