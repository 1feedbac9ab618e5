import type { Figure } from './figures/figure.ts'
import type { Html } from './html.ts'

/** What stands in a section, in reading order: markup, and figures that the page numbers and captions. */
export type Block = Html | Figure

/** A chapter of the report. */
export interface Section {
  /** Anchor in the page. */
  readonly id: string
  readonly title: string
  readonly blocks: readonly Block[]
}

/** Tells figures from markup. */
export function isFigure(block: Block): block is Figure {
  return 'svg' in block
}
