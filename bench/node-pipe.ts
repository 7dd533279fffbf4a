import http from 'node:http'
import { ready } from './program.js'

/*
 * The floor that Node itself sets: a reverse proxy that pipes bytes and looks at nothing. Every ratio of the benchmarks
 * is to this one.
 */

const upstream = new URL(process.argv[2]!)
const agent = new http.Agent({ keepAlive: true })

const server = http.createServer((request, out) => {
  const { method, url: path, headers } = request
  const options = { agent, host: upstream.hostname, port: upstream.port, method, path, headers }
  const sent = http.request(options, (answer) => {
    out.writeHead(answer.statusCode!, answer.headers)
    answer.pipe(out)
  })
  sent.on('error', () => out.destroy())
  out.on('close', () => sent.destroy())
  request.pipe(sent)
})

ready(server)
