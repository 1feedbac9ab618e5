import { plotColours } from '../../../shared/plots/render-plot.ts'
import type { ExperimentReport, ReportedModel } from '../experiment-report.ts'
import { type DrawnHistory, drawTrainingCurves } from '../figures/draw-training-curves.ts'
import { distilledStyle, plainStyle, type SeriesStyle, styleOf } from '../figures/series-style.ts'
import { findMainModels } from '../find-models.ts'
import { html } from '../html.ts'
import type { Block, Section } from '../section.ts'

const plateauStyle: SeriesStyle = { colour: plotColours[1], dash: [5, 3], shape: 'square' }
const ownStyle: SeriesStyle = { colour: plotColours[0], dash: [], shape: 'circle' }

/** The paper's figures 6 (schedules) and 8 (students), and the teachers' curves. */
export async function showTraining(report: ExperimentReport): Promise<Section> {
  const { teachers } = findMainModels(report)
  const trained = teachers.filter(hasHistory)
  const blocks: Block[] = [...(await schedules(report)), ...(await students(report))]
  if (trained.length > 0) {
    blocks.push(
      await drawTrainingCurves(
        {
          name: 'training-teachers',
          title: 'Training of the teachers',
          caption: `Losses, validation accuracy and learning rate over the epochs. ${keptNote}`,
        },
        trained.map((model) => ({ model, label: model.label, style: styleOf(model, teachers) })),
      ),
    )
  }
  return { id: 'training', title: 'Training: figures 6 and 8', blocks }
}

const keptNote =
  'Vertical lines: the epochs that were kept. The learning rate is that of each epoch’s last step: a warm-up within an epoch, and the highest rate at its end, do not show.'

async function schedules({ models, schedules: pair }: ExperimentReport): Promise<Block[]> {
  const find = (id: string | undefined) => models.find((model) => model.id === id)
  const [own, plateau] = [find(pair?.own), find(pair?.plateau)]
  if (pair === undefined || own === undefined || plateau === undefined) {
    return [
      html`<p>Figure 6 is left out: no training with reduce-on-plateau was made beside the experiment’s own schedule.</p>`,
    ]
  }
  const histories: DrawnHistory[] = [
    { model: own, label: pair.ownName, style: ownStyle },
    { model: plateau, label: 'reduce on plateau', style: plateauStyle },
  ]
  const figure = await drawTrainingCurves(
    {
      name: 'figure-6-schedules',
      paperNumber: '6',
      title: `${pair.ownName.charAt(0).toUpperCase()}${pair.ownName.slice(1)} beside reduce-on-plateau`,
      caption: `Loss, val_loss, val_acc and learning rate over the epochs; the network is “${own.label}”, trained twice. ${keptNote}`,
    },
    histories,
  )
  return [figure]
}

async function students(report: ExperimentReport): Promise<Block[]> {
  const { plain, distilled } = findMainModels(report)
  if (plain === undefined || distilled === undefined || !hasHistory(plain) || !hasHistory(distilled)) {
    return [html`<p>Figure 8 is left out: it needs the histories of a plain and a distilled student.</p>`]
  }
  const figure = await drawTrainingCurves(
    {
      name: 'figure-8-students',
      paperNumber: '8',
      title: 'Plain student beside distilled student',
      caption:
        'Loss, val_loss, val_acc and learning rate over the epochs. The distilled student’s loss has the teachers’ part in it, so the two losses are not of one scale; ' +
        `val_acc is. ${keptNote}`,
    },
    [
      { model: plain, label: plain.label, style: plainStyle },
      { model: distilled, label: distilled.label, style: distilledStyle },
    ],
  )
  return [figure]
}

function hasHistory({ history }: ReportedModel): boolean {
  return history.length > 0
}
