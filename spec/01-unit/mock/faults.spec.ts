import { describe, expect, it } from 'vitest'
import { errorOf, faultOf } from '../../../lib/mock/faults.js'

describe('faults by the name of a model', () => {
  it('strike after the number of events that the name says, else after three', () => {
    expect(faultOf('chaos/cut@7')).toEqual({ name: 'cut', after: 7 })
    expect(faultOf('chaos/no-finish')).toEqual({ name: 'no-finish', after: 3 })
  })

  it('may stand behind a prefix, as models of some providers have one', () => {
    expect(faultOf('models/chaos/stall@0')).toEqual({ name: 'stall', after: 0 })
    expect(errorOf('org/error/503')).toBe(503)
  })

  it('leave every other model alone', () => {
    expect(faultOf('gpt-4o')).toBeUndefined()
    expect(faultOf('mychaos/cut')).toBeUndefined()
    expect(errorOf('error/200')).toBeUndefined()
    expect(errorOf('error/4291')).toBeUndefined()
  })

  it('are refused where there is none of the name', () => {
    expect(() => faultOf('chaos/fire@1')).toThrow("unknown fault 'fire'")
  })
})
