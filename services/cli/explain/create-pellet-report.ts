import { findPeak } from '../../shared/heatmap/index.ts'
import { formatCount } from '../format-number.ts'
import type { Terminal } from '../terminal.ts'
import {
  describeNoHeat,
  type ExplainedPellet,
  explanationJson,
  sheetPellet,
  writeContactSheet,
  writePelletPicture,
} from './explained-pellet.ts'
import type { ExplainOptions } from './options.ts'

/** Reports pellets one by one: a JSON object and a picture each; at the end the contact sheet and a table. */
export interface PelletReport {
  add(pellet: ExplainedPellet): Promise<void>
  end(): Promise<void>
}

export interface PelletReportOptions {
  readonly model: { readonly id: string; readonly sha256: string }
  readonly options: ExplainOptions
  readonly terminal: Terminal
}

/** Most pellets of the contact sheet and rows of the table: those of the highest scores. */
const shownPellets = 64

/** Starts the report; it holds no more than the pellets that the contact sheet shows. */
export function createPelletReport({ model, options, terminal }: PelletReportOptions): PelletReport {
  const { out, score, target } = options
  const asked = `Grad-CAM of ${model.id}, ${score} of ${target}`
  let highest: ExplainedPellet[] = []
  let count = 0
  return {
    async add(pellet) {
      const picture = out === undefined ? undefined : await writePelletPicture(out, pellet, `${asked}: ${pellet.name}`)
      count += 1
      terminal.printJson(explanationJson(pellet, model, options, picture))
      highest.push(pellet)
      if (highest.length < 2 * shownPellets) return
      highest = pick(highest)
    },
    async end() {
      highest = pick(highest)
      if (highest.length === 0) return
      if (out !== undefined) {
        const shown = count > highest.length ? `highest ${highest.length} of ${formatCount(count)}` : formatCount(count)
        const path = await writeContactSheet(out, highest.map(sheetPellet), `${asked}: ${shown} pellets`)
        terminal.note(`Wrote ${formatCount(count)} ${count === 1 ? 'picture' : 'pictures'} and ${path}`)
      }
      if (terminal.json) return
      terminal.printTable(
        [
          { title: 'Pellet', cut: 'head' },
          { title: 'Verdict' },
          { title: 'Score', align: 'right' },
          { title: 'Layer' },
          { title: 'Peak at, px', align: 'right' },
        ],
        highest.flatMap(rowsOf),
      )
      if (count > highest.length) terminal.note(`The table shows the ${highest.length} pellets of the highest scores.`)
    },
  }
}

/** The pellets of the highest scores; where they tie, in the order in which they came. */
function pick(pellets: readonly ExplainedPellet[]): ExplainedPellet[] {
  return pellets.toSorted((a, b) => b.scoreNg - a.scoreNg).slice(0, shownPellets)
}

function rowsOf(pellet: ExplainedPellet): readonly (readonly string[])[] {
  return pellet.heatmaps.map(({ layer, map }, i) => {
    const { x, y, value } = findPeak(map)
    const own = i === 0 ? [pellet.name, pellet.verdict, pellet.scoreNg.toFixed(3)] : ['', '', '']
    return [...own, layer, value > 0 ? `${x.toFixed(1)}, ${y.toFixed(1)}` : describeNoHeat(pellet)]
  })
}
