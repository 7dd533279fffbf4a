import { describe, expect, it } from 'vitest'
import { encodeMessage } from '../../../lib/mock/aws-event-stream.js'
import { awsMessage } from '../../support/aws-event-stream.js'

describe("the mock's AWS event stream", () => {
  it('encodes the empty message as AWS does', () => {
    expect(encodeMessage({}, Buffer.alloc(0)).toString('hex')).toBe('000000100000000005c248eb7d98c8ff')
  })

  it('encodes headers and a payload', () => {
    const headers = { ':event-type': 'contentBlockDelta', ':message-type': 'event' }
    const payload = '{"text":"naïve"}'
    expect(encodeMessage(headers, Buffer.from(payload))).toEqual(awsMessage(headers, payload))
  })
})
