/** Columns [from, to). */
export interface ColumnSpan {
  readonly from: number
  readonly to: number
}

/** Clean columns between two dirty ones that are dirt too: its edge is ragged. */
const raggedPx = 6
/** As many as a strip's header takes. */
const maxSpans = 64

/** Marked columns (1) as sorted spans that lie apart; where there are more than 64, those nearest to each other become one. */
export function mergeColumns(marked: Uint8Array): ColumnSpan[] {
  const spans: { from: number; to: number }[] = []
  for (let column = 0; column < marked.length; column++) {
    if (marked[column] === 0) continue
    const last = spans.at(-1)
    if (last !== undefined && column - last.to <= raggedPx) last.to = column + 1
    else spans.push({ from: column, to: column + 1 })
  }
  while (spans.length > maxSpans) {
    let nearest = 1
    for (let at = 2; at < spans.length; at++) {
      if (spans[at]!.from - spans[at - 1]!.to < spans[nearest]!.from - spans[nearest - 1]!.to) nearest = at
    }
    spans[nearest - 1]!.to = spans[nearest]!.to
    spans.splice(nearest, 1)
  }
  return spans
}
