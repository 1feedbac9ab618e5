import { wilsonInterval } from '../../../shared/statistics/wilson-interval.ts'
import type { ExperimentReport, SweepPoint } from '../experiment-report.ts'
import { type ChosenPoint, drawSweep } from '../figures/draw-sweep.ts'
import { formatCount, formatPercent } from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import type { Section } from '../section.ts'
import { table } from '../table.ts'

/** The sweep of temperature and lambda on validation data; undefined where none was made. */
export async function showSweep(report: ExperimentReport): Promise<Section | undefined> {
  const { sweep } = report
  if (sweep === undefined || sweep.length === 0) return undefined
  const chosen = findChosen(report.settings)
  const onGrid = chosen !== undefined && sweep.some((point) => samePoint(point, chosen))
  const most = Math.max(...sweep.map(({ valAccuracy }) => valAccuracy))
  const images = report.data.parts.val.count
  const chance = wilsonInterval(Math.round(most * images), images)
  const width = (chance.high ?? 1) - (chance.low ?? 0)
  const figure = await drawSweep(
    {
      name: 'temperature-and-lambda',
      title: 'Temperature and weight of the teachers',
      caption:
        `Accuracy on the ${formatCount(images)} images of the validation part, per cent. The colours span at least the width of Wilson’s 95 % interval, ` +
        `${formatPercent(width, 1)} points, so that what may be chance looks alike.${
          onGrid
            ? ' The frame marks a setting, the one that the distilled student was trained with; it is not said to be the best.'
            : ''
        }`,
    },
    sweep,
    width,
    onGrid ? chosen : undefined,
  )
  return {
    id: 'sweep',
    title: 'Temperature T and weight λ',
    blocks: [
      html`<p class="lead">λ weighs the teachers’ soft labels against the labels (0 is plain training), T softens both sides. ${describeHighest(sweep, most)} on validation; ${
        chosen === undefined
          ? 'which setting the distilled student used is not known here'
          : `the distilled student was trained with ${describe(chosen)}${onGrid ? '' : ', which is not one of them'}`
      }. With ${formatCount(images)} images Wilson’s 95 % interval is ±${formatPercent(width / 2)} points, images of one group taken as single ones,
so ${describeWithin(sweep, chance.low ?? 0, most)}. ${describeTraining(report, sweep)}, so another seed may order settings that lie close together otherwise.</p>`,
      figure,
      foldedTable(sweep),
    ],
  }
}

/** Which settings have the highest accuracy: all that share it. */
function describeHighest(sweep: readonly SweepPoint[], most: number): string {
  const highest = sweep.filter(({ valAccuracy }) => valAccuracy === most)
  const named = highest.map(describe).join('; ')
  const accuracy = `${formatPercent(most, 2)} %`
  return highest.length === 1
    ? `Of ${sweep.length} settings ${named} has the highest accuracy, ${accuracy},`
    : `${highest.length} of ${sweep.length} settings share the highest accuracy, ${accuracy} (${named}),`
}

/** How many of the other settings the images do not tell from the highest. */
function describeWithin(sweep: readonly SweepPoint[], low: number, most: number): string {
  const lower = sweep.filter(({ valAccuracy }) => valAccuracy < most)
  if (lower.length === 0) return 'the images tell none of them from another'
  const within = lower.filter(({ valAccuracy }) => valAccuracy >= low).length
  return `${within} of the ${lower.length} lower ones lie within that of the highest`
}

/** How long the settings were trained, the student beside them, and by what their epochs were kept. */
function describeTraining({ settings }: ExperimentReport, sweep: readonly SweepPoint[]): string {
  const training = memberOf(memberOf(settings, 'student'), 'training')
  const [own, keepBest] = [memberOf(training, 'epochs'), memberOf(training, 'keepBest')]
  const epochs = [...new Set(sweep.map((point) => point.epochs))].join(' or ')
  const beside = typeof own === 'number' ? ` (the distilled student for ${own})` : ''
  const kept =
    keepBest === 'none'
      ? 'of which the last was kept'
      : 'of which the one that is best on this same validation part was kept: the figures are somewhat too high'
  return `Each setting was trained once, for ${epochs} epochs${beside}, ${kept}`
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Partial<Record<string, unknown>>)[key] : undefined
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
