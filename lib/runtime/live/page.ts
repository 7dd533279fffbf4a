import { SCRIPT } from './page-script.js'
import { STYLE } from './page-style.js'

const COLUMNS = ['State', 'Route', 'Model', 'Tokens', 'Tokens/s', 'First token', 'Frame gaps', 'Time']

/** The whole page, without a word of anyone's requests: those come with its events. */
export function pageHtml(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>kong-ai: live streams</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<header>
  <h1>kong-ai <span>live streams</span></h1>
  <p id="link" class="link">connecting</p>
</header>
<main>
  <dl class="tiles">
    ${tile('open', 'open')}
    ${tile('rate', 'tokens/s, all streams')}
    ${tile('first', 'median first token')}
    ${tile('broken', 'broken off, of the last 100')}
  </dl>
  <section>
    <h2>Live</h2>
    ${table('live', 'No streams are open.')}
  </section>
  <section>
    <h2>Finished</h2>
    ${table('finished', 'Nothing has finished yet.')}
  </section>
</main>
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>
`
}

function tile(id: string, label: string): string {
  return `<div><dt>${label}</dt><dd id="${id}">–</dd></div>`
}

function table(id: string, empty: string): string {
  const head = COLUMNS.map((name) => `<th scope="col">${name}</th>`).join('')
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody id="${id}"></tbody></table></div>
    <p class="empty" id="${id}-empty">${empty}</p>`
}
