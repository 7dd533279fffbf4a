/** The page's style sheet. Dark or light, as the reader's system has it. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #fff; --line: #e3e6eb; --ink: #171b22; --soft: #687182; --bar: #9aa6ba;
  --open: #0b7a55; --open-bg: #dcf5ea; --wait: #8a5a00; --wait-bg: #fdf0d4; --bad: #b3261e; --bad-bg: #fde5e3;
  --done: #4a5568; --done-bg: #e9edf3; --accent: #2f6fec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0e1116; --card: #161b22; --line: #262d38; --ink: #e7ebf1; --soft: #8b96a8; --bar: #56627a;
    --open: #4fd8a5; --open-bg: #11352a; --wait: #f2c063; --wait-bg: #3a2c0d; --bad: #ff8a80; --bad-bg: #431b1a;
    --done: #a9b4c6; --done-bg: #232a35; --accent: #6ea0ff;
  }
}
* { box-sizing: border-box; margin: 0 }
body { background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
header { display: flex; align-items: center; justify-content: space-between; padding: 20px 28px 0; max-width: 1280px; margin: auto }
main { padding: 20px 28px 48px; max-width: 1280px; margin: auto }
h1 { font-size: 20px; font-weight: 700; letter-spacing: -.01em }
h1 span { color: var(--soft); font-weight: 400; margin-left: 6px }
h2 { font-size: 13px; font-weight: 600; color: var(--soft); text-transform: uppercase; letter-spacing: .06em; margin: 28px 0 10px }
.link { color: var(--soft); display: flex; align-items: center; gap: 8px }
.link::before { content: ""; width: 9px; height: 9px; border-radius: 50%; background: var(--wait) }
.link.on::before { background: var(--open) }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px; display: flex; flex-direction: column-reverse }
.tiles dt { color: var(--soft); font-size: 12.5px }
.tiles dd { font-size: 27px; font-weight: 650; letter-spacing: -.02em; font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px }
table { border-collapse: collapse; table-layout: fixed; width: 100%; min-width: 980px; font-variant-numeric: tabular-nums }
th { text-align: left; font-size: 12px; font-weight: 500; color: var(--soft); padding: 9px 14px; border-bottom: 1px solid var(--line) }
td { padding: 8px 14px; border-top: 1px solid var(--line); white-space: nowrap; vertical-align: middle }
tbody tr:first-child td { border-top: 0 }
th:nth-child(n+4):nth-child(-n+6), td:nth-child(n+4):nth-child(-n+6), th:last-child, td:last-child { text-align: right }
th:nth-child(1) { width: 130px }
th:nth-child(2) { width: 122px }
th:nth-child(4), th:nth-child(8) { width: 84px }
th:nth-child(5), th:nth-child(6) { width: 94px }
th:nth-child(7) { width: 286px; padding-left: 28px }
td:nth-child(7) { padding-left: 28px }
td:nth-child(2), td:nth-child(3) { overflow: hidden; text-overflow: ellipsis }
.most { color: var(--soft); font-size: 12px; margin-left: 10px }
.provider { color: var(--soft) }
.guess { color: var(--soft) }
.pill { display: inline-block; min-width: 74px; text-align: center; padding: 2px 10px; border-radius: 99px; font-size: 12px; font-weight: 600; background: var(--done-bg); color: var(--done) }
.pill.open { background: var(--open-bg); color: var(--open) }
.pill.waiting, .pill.held, .pill.client { background: var(--wait-bg); color: var(--wait) }
.pill.error, .pill.provider-cut, .pill.timeout, .pill.limit { background: var(--bad-bg); color: var(--bad) }
svg { display: inline-block; vertical-align: middle; width: 180px; height: 26px }
rect { fill: var(--bar) }
tr.is-open rect { fill: var(--accent) }
.empty { color: var(--soft); padding: 14px 2px }
[hidden] { display: none }
@media (max-width: 720px) { .tiles { grid-template-columns: repeat(2, 1fr) } header, main { padding-left: 14px; padding-right: 14px } }
`
