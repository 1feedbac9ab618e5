/** The page's style sheet: one column as wide as A4's text, light and dark, and for print. */
export const pageStyle = `
:root { color-scheme: light dark; --text: #1c1c1c; --soft: #5a5a5a; --line: #cfcfcf; --paper: #ffffff; --tint: #eef4f9; --warm: #faf3e8; --link: #00558a; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --soft: #a9a9a9; --line: #4a4a4a; --paper: #181a1b; --tint: #1f2f3c; --warm: #33291b; --link: #7cc0ee; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 15px/1.5 "DejaVu Sans", Verdana, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 720px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 19px; line-height: 1.3; margin: 40px 0 10px; padding-top: 10px; border-top: 2px solid var(--line); }
p { margin: 10px 0; }
a { color: var(--link); }
nav { font-size: 13px; margin: 14px 0; }
nav a { margin-right: 14px; white-space: nowrap; }
code { font: 12px/1.4 "DejaVu Sans Mono", Consolas, monospace; overflow-wrap: anywhere; }
.subtitle, .note, figcaption, caption { color: var(--soft); }
.note, figcaption { font-size: 12.5px; line-height: 1.45; }
.verdict { background: var(--tint); border-left: 5px solid var(--link); padding: 10px 16px; margin: 18px 0; font-size: 16px; }
.verdict p { margin: 6px 0; }
.table { overflow-x: auto; margin: 16px 0 8px; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; line-height: 1.35; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 6px; color: var(--text); font-size: 13.5px; }
th, td { padding: 4px 7px; border-bottom: 1px solid var(--line); vertical-align: top; text-align: right; font-weight: normal; }
thead th { border-bottom: 1.5px solid var(--text); vertical-align: bottom; color: var(--soft); }
th.t, td.t, tbody th { text-align: left; }
thead th, td { white-space: nowrap; }
tbody th:first-child, thead th:first-child { padding-left: 4px; }
td small, th small { display: block; color: var(--soft); font-size: 11px; white-space: nowrap; }
th small { white-space: normal; overflow-wrap: anywhere; }
tr.group th { font-weight: bold; padding-top: 10px; color: var(--text); }
tr.strong > * { background: var(--tint); font-weight: bold; }
tr.strong small { font-weight: normal; }
tr.paper > * { background: var(--warm); }
figure { margin: 20px 0; }
figure .plot { background: white; border-radius: 4px; overflow-x: auto; }
figure svg { display: block; max-width: none; height: auto; }
figcaption { margin-top: 4px; }
figcaption b { color: var(--text); }
details { margin: 8px 0; border: 1px solid var(--line); border-radius: 4px; padding: 6px 12px; }
summary { cursor: pointer; font-weight: bold; font-size: 13.5px; }
dl.settings { columns: 2; column-gap: 24px; font-size: 12px; margin: 8px 0; }
dl.settings div { display: flex; gap: 8px; justify-content: space-between; break-inside: avoid; border-bottom: 1px dotted var(--line); }
dl.settings dt { color: var(--soft); overflow-wrap: anywhere; }
dl.settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
footer { margin-top: 48px; border-top: 1px solid var(--line); padding-top: 8px; font-size: 12px; color: var(--soft); }
@page { size: A4; margin: 16mm 15mm 18mm; }
@media print {
  :root { color-scheme: light; --text: #000; --soft: #444; --line: #bbb; --paper: #fff; --tint: #eef4f9; --warm: #faf3e8; --link: #003d63; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { break-after: avoid; margin-top: 20px; }
  p { break-inside: avoid; }
  th, td { padding-top: 2.5px; padding-bottom: 2.5px; }
  figure { margin: 14px 0; }
  figure, .verdict, tr { break-inside: avoid; }
  .table { overflow: visible; }
  .table:not(.long) { break-inside: avoid; }
  caption, thead { break-after: avoid; }
  figure .plot { border-radius: 0; overflow: visible; }
  details { border: 0; padding: 0; }
  summary { break-after: avoid; }
  details.screen { display: none; }
  details:not([open])::details-content { content-visibility: visible; block-size: auto; }
  .note { break-before: avoid; }
  .lead { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
`
