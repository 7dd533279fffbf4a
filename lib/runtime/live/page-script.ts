/**
 * The page's program, run by the browser as it stands here. What comes from requests is written as text and numbers only,
 * never as markup.
 */
export const SCRIPT = `
'use strict'
const STATES = {
  waiting: 'waiting', held: 'first token', open: 'streaming', done: 'done', error: 'error',
  client: 'client left', provider: 'provider cut', timeout: 'timed out', limit: 'over limit',
}
const BROKEN = new Set(['client', 'provider', 'timeout', 'limit'])
const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 180, HEIGHT = 26, BARS = 60
const $ = (id) => document.getElementById(id)
let finished = []

function element(name, text, className) {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  if (className) made.className = className
  return made
}

function time(ms) {
  if (ms === null) return '–'
  return ms < 1000 ? Math.round(ms) + ' ms' : (ms / 1000).toFixed(1) + ' s'
}

function plot(gaps) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 ' + WIDTH + ' ' + HEIGHT)
  svg.setAttribute('role', 'img')
  const most = Math.max(1, ...gaps)
  svg.setAttribute('aria-label', gaps.length ? 'frame gaps, at most ' + time(Math.max(...gaps)) : 'no gaps yet')
  const title = document.createElementNS(SVG, 'title')
  title.textContent = svg.getAttribute('aria-label')
  svg.append(title)
  gaps.forEach((gap, place) => {
    const bar = document.createElementNS(SVG, 'rect')
    const height = Math.max(1.5, (gap / most) * HEIGHT)
    bar.setAttribute('x', place * (WIDTH / BARS))
    bar.setAttribute('y', HEIGHT - height)
    bar.setAttribute('width', WIDTH / BARS - 1)
    bar.setAttribute('height', height)
    bar.setAttribute('rx', 0.7)
    svg.append(bar)
  })
  return svg
}

function row(one) {
  const line = element('tr', undefined, one.state === 'open' ? 'is-open' : '')
  line.dataset.id = one.id
  const cell = (...parts) => {
    const made = element('td')
    made.append(...parts)
    line.append(made)
    return made
  }
  const label = one.state === 'error' ? 'error ' + one.status : STATES[one.state]
  const pill = element('span', label, 'pill ' + (one.state === 'provider' ? 'provider-cut' : one.state))
  cell(pill)
  cell(one.route).title = one.route
  cell(element('span', one.provider + ' / ', 'provider'), one.model).title = one.model
  const tokens = cell(element('span', (one.estimated && one.tokens > 0 ? '≈ ' : '') + one.tokens, one.estimated ? 'guess' : ''))
  if (one.estimated) tokens.title = 'not told by the provider'
  cell(one.rate === null ? '–' : one.rate.toFixed(1))
  cell(time(one.firstToken))
  const gaps = cell(plot(one.gaps))
  if (one.gaps.length) gaps.append(element('span', 'max ' + time(Math.max(...one.gaps)), 'most'))
  cell(time(one.took)).title = new Date(one.started).toLocaleTimeString()
  return line
}

function median(values) {
  if (values.length === 0) return null
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

function show(id, rows) {
  $(id).replaceChildren(...rows.map(row))
  $(id + '-empty').hidden = rows.length > 0
  $(id).closest('.scroll').hidden = rows.length === 0
}

function tiles(snapshot) {
  const sum = snapshot.live.reduce((all, one) => all + (one.state === 'open' ? one.rate || 0 : 0), 0)
  $('open').textContent = snapshot.open
  $('rate').textContent = sum.toFixed(sum < 100 ? 1 : 0)
  $('first').textContent = time(median(finished.concat(snapshot.live).map((one) => one.firstToken).filter((ms) => ms !== null)))
  $('broken').textContent = finished.filter((one) => BROKEN.has(one.state)).length
}

function link(text, on) {
  $('link').textContent = text
  $('link').className = on ? 'link on' : 'link'
}

const source = new EventSource('streams')
let first = true
source.onopen = () => { first = true; link('live', true) }
source.onerror = () => link('connection lost, trying again', false)
source.onmessage = ({ data }) => {
  const snapshot = JSON.parse(data)
  // The first snapshot of a connection has all that the gateway still knows of.
  const before = first ? [] : finished
  const news = snapshot.finished.slice().reverse()
  finished = news.concat(before).slice(0, 100)
  if (first || news.length > 0) show('finished', finished)
  first = false
  show('live', snapshot.live.slice().reverse())
  tiles(snapshot)
}
`
