import { type Html, type HtmlValue, html } from './html.ts'

/** A row: its cells, the first of which names it, and whether it sets itself apart. */
export interface TableRow {
  readonly cells: readonly HtmlValue[]
  /** `group` is a heading across the table, `strong` a row to look at first, `paper` a row of the paper's own figures. */
  readonly kind?: 'group' | 'strong' | 'paper'
}

/** A table with a caption above; all columns but the first are aligned as numbers unless `text` names them. */
export function table(
  caption: HtmlValue,
  head: readonly HtmlValue[],
  rows: readonly TableRow[],
  { text = [] }: { readonly text?: readonly number[] } = {},
): Html {
  const kindOf = (column: number) => (column === 0 || text.includes(column) ? 't' : 'n')
  return html`<div class="table"><table><caption>${caption}</caption>
<thead><tr>${head.map((cell, i) => html`<th scope="col" class="${kindOf(i)}">${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => tableRow(row, head.length, kindOf))}</tbody></table></div>
`
}

function tableRow({ cells, kind }: TableRow, columns: number, kindOf: (column: number) => string): Html {
  if (kind === 'group') return html`<tr class="group"><th colspan="${columns}" scope="rowgroup">${cells}</th></tr>\n`
  return html`<tr${kind === undefined ? null : html` class="${kind}"`}>${cells.map((cell, i) =>
    i === 0 ? html`<th scope="row">${cell}</th>` : html`<td class="${kindOf(i)}">${cell}</td>`,
  )}</tr>
`
}
