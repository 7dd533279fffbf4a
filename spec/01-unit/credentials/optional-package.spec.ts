import { expect, it } from 'vitest'
import { optionalPackage } from '../../../lib/credentials/optional-package.js'

it('names a package that is not there, and how to get it', async () => {
  const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  await expect(optionalPackage('some-sdk', 'This login', () => Promise.reject(missing))).rejects.toThrow(
    'This login needs the package some-sdk, which could not be loaded (ERR_MODULE_NOT_FOUND): npm install some-sdk',
  )
})

it('hands on a package that is there', async () => {
  expect(await optionalPackage('some-sdk', 'This login', () => Promise.resolve('loaded'))).toBe('loaded')
})
