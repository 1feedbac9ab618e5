/** A column of a table. */
export interface Column {
  readonly title: string
  /** Numbers stand right; default left. */
  readonly align?: 'left' | 'right'
  /** May be cut with an ellipsis where the table is wider than the terminal: its head (paths) or its tail (sentences). */
  readonly cut?: 'head' | 'tail'
}

const gap = '  '
const narrowest = 8

/**
 * A table as lines of text: a head, a rule, one line per row. Where `width` (characters) is given, columns that allow it
 * are shortened until the table fits; without it, nothing is cut.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width?: number,
): readonly string[] {
  const widths = columns.map((column, at) =>
    rows.reduce((widest, row) => Math.max(widest, lengthOf(row[at] ?? '')), lengthOf(column.title)),
  )
  if (width !== undefined) shrinkColumns(columns, widths, width)
  const line = (cells: readonly string[]) =>
    columns
      .map((column, at) => alignCell(cells[at] ?? '', widths[at] ?? 0, column))
      .join(gap)
      .trimEnd()
  const rule = widths.map((columnWidth) => '-'.repeat(columnWidth)).join(gap)
  return [line(columns.map((column) => column.title)), rule, ...rows.map(line)]
}

function shrinkColumns(columns: readonly Column[], widths: number[], width: number): void {
  const total = () => widths.reduce((sum, columnWidth) => sum + columnWidth, gap.length * (widths.length - 1))
  for (let excess = total() - width; excess > 0; excess = total() - width) {
    let widest = -1
    for (const [at, column] of columns.entries()) {
      if (column.cut === undefined || widths[at]! <= narrowest) continue
      if (widest < 0 || widths[at]! > widths[widest]!) widest = at
    }
    if (widest < 0) return
    widths[widest] = Math.max(narrowest, widths[widest]! - excess)
  }
}

function alignCell(text: string, width: number, column: Column): string {
  const fitted = lengthOf(text) <= width ? text : cutText(text, width, column.cut ?? 'tail')
  const padding = ' '.repeat(width - lengthOf(fitted))
  return column.align === 'right' ? padding + fitted : fitted + padding
}

function cutText(text: string, width: number, cut: 'head' | 'tail'): string {
  const characters = Array.from(text)
  if (cut === 'head') return `…${characters.slice(characters.length - width + 1).join('')}`
  return `${characters.slice(0, width - 1).join('')}…`
}

function lengthOf(text: string): number {
  return Array.from(text).length
}
