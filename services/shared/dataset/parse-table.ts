import { PelletlineError } from '../errors/pelletline-error.ts'

/** A table with a header, as text. */
export interface Table {
  /** Name of its file, for messages. */
  readonly name: string
  /** Names of the columns, trimmed. */
  readonly columns: readonly string[]
  readonly rows: readonly TableRow[]
}

export interface TableRow {
  /** Line of the file at which the row begins, from 1. */
  readonly line: number
  /** Trimmed cells; a row may have fewer than there are columns. */
  readonly cells: readonly string[]
}

/**
 * Parses a table with a header line: tabs in a .tsv, else whichever of comma, semicolon and tab the header holds most of;
 * cells may be quoted as in RFC 4180, line ends are LF or CRLF, a byte order mark and empty lines are passed over.
 * `invalid_argument` with the line where a quote is not closed or a row has more cells than the header.
 */
export function parseTable(name: string, text: string): Table {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text
  const [header, ...rows] = splitRows(name, body, delimiterOf(name, body))
  const columns = header?.cells ?? []
  const wide = rows.find(({ cells }) => cells.slice(columns.length).some((cell) => cell !== ''))
  if (wide !== undefined) {
    throw new PelletlineError(
      'invalid_argument',
      `${name}, line ${wide.line}: ${wide.cells.length} cells under ${columns.length} columns: quote cells that hold the separator`,
    )
  }
  return { name, columns, rows }
}

function delimiterOf(name: string, body: string): string {
  if (/\.tsv$/i.test(name)) return '\t'
  const end = body.search(/[\r\n]/)
  const header = end < 0 ? body : body.slice(0, end)
  const count = (delimiter: string) => header.split(delimiter).length
  return [',', ';', '\t'].reduce((best, next) => (count(next) > count(best) ? next : best))
}

function splitRows(name: string, body: string, delimiter: string): TableRow[] {
  const rows: TableRow[] = []
  let cells: string[] = []
  let cell = ''
  let line = 1
  let start = 1
  const endCell = () => {
    cells.push(cell.trim())
    cell = ''
  }
  const endRow = () => {
    endCell()
    if (cells.some((text) => text !== '')) rows.push({ line: start, cells })
    cells = []
  }
  for (let at = 0; at < body.length; at++) {
    const character = body[at]!
    if (character === '"' && cell.trim() === '') {
      const end = closingQuote(body, at)
      if (end < 0) {
        throw new PelletlineError('invalid_argument', `${name}, line ${line}: a quote is opened and never closed`)
      }
      const quoted = body.slice(at + 1, end)
      line += quoted.split('\n').length - 1
      cell = quoted.replaceAll('""', '"')
      at = end
    } else if (character === delimiter) {
      endCell()
    } else if (character === '\n' || character === '\r') {
      if (character === '\r' && body[at + 1] === '\n') at++
      endRow()
      start = ++line
    } else {
      cell += character
    }
  }
  endRow()
  return rows
}

/** Where the quoted cell that begins at `from` ends; -1 where it does not. */
function closingQuote(body: string, from: number): number {
  for (let at = body.indexOf('"', from + 1); at >= 0; at = body.indexOf('"', at + 1)) {
    if (body[at + 1] !== '"') return at
    at++
  }
  return -1
}
