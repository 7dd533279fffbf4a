import { expect, it } from 'vitest'
import { parseDataUrl } from '../../../../lib/llm/drivers/data-url.js'

it.each([
  ['data:image/png;base64,AAAA', 'image/png', 'AAAA'],
  ['DATA:Image/PNG;BASE64,AaAa', 'image/png', 'AaAa'],
  ['data:text/plain;charset=utf-8;base64,SGk=', 'text/plain', 'SGk='],
  ['data:text/csv,a%2Cb', 'text/csv', Buffer.from('a,b').toString('base64')],
  ['data:,Hi', 'text/plain', Buffer.from('Hi').toString('base64')],
  ['data:text/plain,100%', 'text/plain', Buffer.from('100%').toString('base64')],
])('reads %s', (url, mediaType, base64) => {
  expect(parseDataUrl(url)).toEqual({ mediaType, base64 })
})

it.each(['https://example.com/a.png', 'data:image/png;base64', 'JVBE', ''])(
  'does not take %j for one',
  (url) => {
    expect(parseDataUrl(url)).toBeUndefined()
  },
)
