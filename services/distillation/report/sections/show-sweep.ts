import type { ExperimentReport, SweepPoint } from '../experiment-report.ts'
import { type ChosenPoint, drawSweep } from '../figures/draw-sweep.ts'
import { formatPercent } from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import type { Section } from '../section.ts'
import { table } from '../table.ts'

/** The sweep of temperature and lambda on validation data; undefined where none was made. */
export async function showSweep(report: ExperimentReport): Promise<Section | undefined> {
  const { sweep } = report
  if (sweep === undefined || sweep.length === 0) return undefined
  const chosen = findChosen(report.settings)
  const onGrid = chosen !== undefined && sweep.some((point) => samePoint(point, chosen))
  const best = sweep.reduce((most, point) => (point.valAccuracy > most.valAccuracy ? point : most))
  const figure = await drawSweep(
    {
      name: 'temperature-and-lambda',
      title: 'Temperature and weight of the teachers',
      caption: `Accuracy on the validation part, per cent.${onGrid ? ' Framed: the setting of the distilled student.' : ''}`,
    },
    sweep,
    onGrid ? chosen : undefined,
  )
  return {
    id: 'sweep',
    title: 'Temperature T and weight λ',
    blocks: [
      html`<p class="lead">λ weighs the teachers’ soft labels against the labels (0 is plain training), T softens both sides. The best of ${sweep.length} settings on validation
is ${describe(best)} with ${formatPercent(best.valAccuracy, 2)} %; ${
        chosen === undefined
          ? 'which one the distilled student used is not in the settings'
          : `the distilled student was trained with ${describe(chosen)}${onGrid ? '' : ', which is not one of them'}`
      }. Each setting was trained once, so another seed may order settings that lie close together otherwise.</p>`,
      figure,
      foldedTable(sweep),
    ],
  }
}

/** The distillation of the experiment's settings, where they have one. */
function findChosen(settings: ExperimentReport['settings']): ChosenPoint | undefined {
  const given = settings['distillation']
  if (typeof given !== 'object' || given === null) return undefined
  const { temperature, lambda, temperatureSquared = false } = given as Partial<Record<string, unknown>>
  if (typeof temperature !== 'number' || typeof lambda !== 'number' || typeof temperatureSquared !== 'boolean')
    return undefined
  return { temperature, lambda, temperatureSquared }
}

function samePoint(a: ChosenPoint, b: ChosenPoint): boolean {
  return a.temperature === b.temperature && a.lambda === b.lambda && a.temperatureSquared === b.temperatureSquared
}

function describe({ temperature, lambda, temperatureSquared }: ChosenPoint): string {
  return `T = ${temperature}, λ = ${lambda}, ${temperatureSquared ? 'KL with T²' : 'KL without T²'}`
}

function foldedTable(sweep: readonly SweepPoint[]): Html {
  const rows = sweep.map(({ temperature, lambda, temperatureSquared, valLoss, valAccuracy, valAuc }) => ({
    cells: [
      `T = ${temperature}`,
      String(lambda),
      temperatureSquared ? 'with' : 'without',
      valLoss.toFixed(4),
      formatPercent(valAccuracy, 2),
      formatPercent(valAuc, 2),
    ],
  }))
  return html`<details class="screen"><summary>All settings of the sweep</summary>
${table('On the validation part', ['temperature', 'λ', 'T²', 'val_loss', 'val_acc, %', 'AUC, %'], rows)}</details>
`
}
