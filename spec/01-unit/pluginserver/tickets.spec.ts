import { describe, expect, it } from 'vitest'
import { Recent } from '../../../lib/pluginserver/recent.js'
import { type Handover, Tickets } from '../../../lib/pluginserver/tickets.js'

const ENTRY = { request: { id: 'r-1' } }

describe('a ticket', () => {
  it('cannot be guessed, and is fit for a header', () => {
    const tickets = new Tickets()
    const issued = new Set(Array.from({ length: 1000 }, () => tickets.issue().ticket))
    expect(issued.size).toBe(1000)
    for (const ticket of issued) expect(ticket).toMatch(/^[\w-]{32}$/)
  })

  it('waits for its request, is claimed once, and is remembered as used after its end', () => {
    const tickets = new Tickets()
    const handover = tickets.issue()
    expect(tickets.waiting(handover.ticket)).toBe(handover)
    expect(tickets.claim(handover.ticket)).toBe(handover)
    expect(tickets.waiting(handover.ticket)).toBeUndefined()
    expect(tickets.claim(handover.ticket)).toBe('used')
    tickets.end(handover)
    expect(tickets.claim(handover.ticket)).toBe('used')
    expect(tickets.size).toBe(0)
  })

  it('that nobody issued is none', () => {
    const tickets = new Tickets()
    for (const ticket of ['', 'x', '__proto__', 'constructor']) {
      expect([tickets.waiting(ticket), tickets.claim(ticket), tickets.log(ticket, ENTRY)]).toEqual([
        undefined,
        undefined,
        false,
      ])
    }
  })

  it('ends with Kong’s log event, if its request never came', () => {
    const tickets = new Tickets()
    const { ticket } = tickets.issue()
    expect(tickets.log(ticket, ENTRY)).toBe(false)
    expect(tickets.claim(ticket)).toBeUndefined()
    expect(tickets.size).toBe(0)
  })

  it('takes Kong’s entry while its exchange runs and tells who waits for it; the first one stays', () => {
    const tickets = new Tickets()
    const { ticket } = tickets.issue()
    const handover = tickets.claim(ticket) as Handover
    let told = 0
    handover.onEntry = () => void told++
    expect(tickets.log(ticket, ENTRY)).toBe(true)
    expect(tickets.log(ticket, {})).toBe(true)
    expect([handover.entry, told]).toEqual([ENTRY, 2])
  })

  it('that has ended has use for further events only if the first one came in time', () => {
    const tickets = new Tickets()
    const [joined, missed] = [tickets.issue(), tickets.issue()]
    for (const { ticket } of [joined, missed]) tickets.claim(ticket)
    tickets.log(joined.ticket, ENTRY)
    for (const handover of [joined, missed]) tickets.end(handover)
    expect([tickets.log(joined.ticket, ENTRY), tickets.log(missed.ticket, ENTRY)]).toEqual([true, false])
  })

  it('keeps a process that stops waiting only until its request has come', async () => {
    const tickets = new Tickets()
    const { ticket } = tickets.issue()
    let settled = false
    const done = tickets.settled().then(() => (settled = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    tickets.claim(ticket)
    await done
    await new Tickets().settled()
  })
})

describe('what is remembered for a while', () => {
  it('is there for its time at least, and gone when others have come for as long again', async () => {
    const recent = new Recent<number>(20)
    recent.set('first', 1)
    const pass = () => new Promise((resolve) => setTimeout(resolve, 25))
    await pass()
    expect(recent.get('first')).toBe(1)
    recent.set('second', 2)
    expect([recent.get('first'), recent.get('second')]).toEqual([1, 2])
    await pass()
    recent.set('third', 3)
    expect([recent.get('first'), recent.get('second'), recent.get('third')]).toEqual([undefined, 2, 3])
  })
})
