import http, { type ServerResponse } from 'node:http'
import { recordings, stampedWord, WHOLE_ANSWER, word, type Recording } from './answers.js'
import { Pacer } from './pacer.js'
import { ready } from './program.js'
import { pathOf, scenarios, type Scenario } from './scenarios.js'

/*
 * The provider of the benchmarks: answers by path, one path a scenario, from bytes made in advance wherever they do not
 * have to say when they were sent.
 */

type Handler = (out: ServerResponse) => void

function handlerOf({ provider, delivery }: Scenario): Handler {
  const recording = recordings[provider]
  switch (delivery.kind) {
    case 'whole':
      return (out) => {
        out.writeHead(200, { 'content-type': 'application/json', 'content-length': WHOLE_ANSWER.length })
        out.end(WHOLE_ANSWER)
      }
    case 'burst': {
      const frames = [recording.head, ...tokens(recording, delivery.tokens), recording.tail]
      return (out) => burst(out, recording, frames)
    }
    case 'paced': {
      const pacer = new Pacer(delivery.everyMs)
      return (out) => paced(out, recording, delivery.tokens, pacer)
    }
    default: {
      const frames = [recording.head, ...tokens(recording, delivery.tokens), recording.tail]
      return (out) => flood(out, recording, frames)
    }
  }
}

function tokens(recording: Recording, count: number): Buffer[] {
  return Array.from({ length: count }, (_, place) => recording.token(word(place)))
}

function start(out: ServerResponse, { contentType }: Recording): void {
  out.writeHead(200, { 'content-type': contentType, 'x-request-id': 'req_011CUTVc2pBpmVeDdCrYtqyZ' })
}

/** In one write, and each frame in an HTTP chunk of its own: providers flush after each. */
function burst(out: ServerResponse, recording: Recording, frames: readonly Buffer[]): void {
  start(out, recording)
  out.cork()
  for (const frame of frames) if (frame.length > 0) out.write(frame)
  out.end()
  out.uncork()
}

function paced(out: ServerResponse, recording: Recording, count: number, pacer: Pacer): void {
  start(out, recording)
  if (recording.head.length > 0) out.write(recording.head)
  let sent = 0
  const stop = pacer.add(() => {
    sent++
    const frame = recording.token(stampedWord())
    if (sent < count) {
      out.write(frame)
      return
    }
    stop()
    out.end(Buffer.concat([frame, recording.tail]))
  })
  out.on('close', stop)
}

function flood(out: ServerResponse, recording: Recording, frames: readonly Buffer[]): void {
  start(out, recording)
  let next = 0
  const write = (): void => {
    if (out.destroyed) return
    let flows = true
    while (flows && next < frames.length) flows = out.write(frames[next++]!)
    if (next === frames.length) out.end()
    else out.once('drain', write)
  }
  write()
}

const handlers = new Map(scenarios.map((scenario) => [pathOf(scenario), handlerOf(scenario)]))

/** Gateways may add a path of their own below the scenario's. */
function handlerFor(url: string): Handler | undefined {
  return handlers.get(/^\/[^/?]*/.exec(url)?.[0] ?? '')
}

const server = http.createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, out) => {
  const handler = handlerFor(request.url ?? '/')
  request.resume()
  request.on('end', () => {
    if (handler) handler(out)
    else out.writeHead(404).end()
  })
})

ready(server)
