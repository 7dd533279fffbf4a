import { expect, it } from 'vitest'
import { formatFault, parsePath, pathText } from '../../../lib/gateway/faults.js'

it('writes a fault as a line that editors can jump to', () => {
  const place = { file: 'kong.yml', line: 12, column: 9 }
  expect(formatFault({ ...place, path: 'services[0].port', message: 'expected an integer' })).toBe(
    'kong.yml:12:9 services[0].port: expected an integer',
  )
  expect(formatFault({ ...place, path: '', message: 'expected a record' })).toBe(
    'kong.yml:12:9 expected a record',
  )
})

it.each([
  ['targets[0].model.name', ['targets', 0, 'model', 'name']],
  ['targets.0.model', ['targets', 0, 'model']],
  ['', []],
])('reads the path %j', (text, path) => {
  expect(parsePath(text)).toEqual(path)
})

it('writes a path', () => {
  expect(pathText(['services', 0, 'routes', 1, 'name'])).toBe('services[0].routes[1].name')
  expect(pathText([])).toBe('')
})
