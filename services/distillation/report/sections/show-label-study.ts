import type { Estimate } from '../../../shared/statistics/interval.ts'
import type { ExperimentReport, LabelStudyCase } from '../experiment-report.ts'
import { drawLabelStudy, type LabelStudyMean, type LabelStudyPanel } from '../figures/draw-label-study.ts'
import { widestOfRepeated } from '../find-models.ts'
import { formatCount, formatP, percentCell } from '../format-numbers.ts'
import { html } from '../html.ts'
import type { Section } from '../section.ts'
import { table } from '../table.ts'
import { repeatedGainCell } from './compare-models.ts'

/** Where labels are few or wrong; undefined where that was not tried. */
export async function showLabelStudy({ labelStudy }: ExperimentReport): Promise<Section | undefined> {
  if (labelStudy === undefined || labelStudy.length === 0) return undefined
  const panels: LabelStudyPanel[] = [
    {
      title: 'few labels',
      axis: 'share of the training labels kept, %',
      means: meansBy(
        labelStudy.filter(({ noiseShare }) => noiseShare === 0),
        ({ labelShare }) => labelShare,
      ),
    },
    {
      title: 'wrong labels',
      axis: 'share of the training labels flipped, %',
      means: meansBy(
        labelStudy.filter(({ labelShare }) => labelShare === 1),
        ({ noiseShare }) => noiseShare,
      ),
    },
  ].filter(({ means }) => new Set(means.map(({ share }) => share)).size > 1)
  const ordered = labelStudy.toSorted((a, b) => a.noiseShare - b.noiseShare || b.labelShare - a.labelShare)
  const intervals = describeIntervals(labelStudy)
  return {
    id: 'labels',
    title: 'Few labels, wrong labels',
    blocks: [
      html`<p class="lead">Where labels are scarce the teachers speak for the images without one; where labels are wrong they may smooth over them. All on the same test part, at margin 0.${describeTeachers(ordered)}</p>`,
      ...(panels.length === 0
        ? []
        : [
            await drawLabelStudy(
              {
                name: 'label-study',
                title: 'Accuracy by the labels given',
                caption: `Accuracy on the test part with 95 % intervals: ${intervals}. The points of a share stand side by side.`,
              },
              panels,
            ),
          ]),
      html`${table(
        html`<b>Accuracy on the test part</b>, per cent, and what distillation gains`,
        [
          'training labels',
          ...kinds.map(([label]) => label),
          html`gain of the<br/>distilled, points`,
          html`only plain /<br/>distilled right`,
          'McNemar p',
          '',
        ],
        ordered.map((one) => ({ cells: caseCells(one) })),
        { text: [7] },
      )}
<p class="note">95 % intervals: ${intervals}. The gain is paired by image${
        labelStudy.some(({ seeds }) => seeds.length > 1) && ' and seed'
      }; McNemar’s exact test takes every image as one of its own and is that of each seed; a gain is called one only where ${describeClaim(labelStudy)} so.</p>
`,
    ],
  }
}

const kinds = [
  ['plain student', ({ plain }: LabelStudyCase) => plain],
  ['distilled student', ({ distilled }: LabelStudyCase) => distilled],
  ['teachers', ({ teachers }: LabelStudyCase) => teachers],
] as const

/** Which intervals the cases have. */
function describeIntervals(cases: readonly LabelStudyCase[]): string {
  const seeds = Math.max(...cases.map((one) => one.seeds.length))
  const grouped = cases.some(({ plain }) => plain.overImages?.by === 'groups')
  const own =
    seeds > 1
      ? `means over up to ${seeds} seeds with t intervals over these (Wilson’s and Newcombe’s where there is one)`
      : 'one seed, Wilson’s for accuracies and Newcombe’s for gains'
  const images = grouped ? 'the bootstrap over groups of images' : seeds > 1 ? 'those over images' : undefined
  return images === undefined
    ? own
    : `${own}, and ${images}; drawn and quoted from the lower to the higher limit of the two`
}

/** How many intervals of a gain have to say so. */
function describeClaim(cases: readonly LabelStudyCase[]): string {
  const single = cases.filter(({ gain }) => gain.overImages === undefined && gain.values.length === 1)
  if (single.length === 0) return 'both intervals of the gain say'
  return single.length === cases.length ? 'its interval says' : 'its interval says, or both where it has two,'
}

/** Which teachers the cases have, where it is not the same ones: their students do not compare with each other then. */
function describeTeachers(cases: readonly LabelStudyCase[]): string {
  const byTeachers = [...Map.groupBy(cases, ({ teacherNames }) => teacherNames.join(', '))]
  if (byTeachers.length === 1) return ''
  const parts = byTeachers.map(([names, own]) => `${names} with ${own.map(describeCase).join(', ')}`)
  return ` Not all cases have the same teachers: ${parts.join('; ')}. What differs between such cases may be the teachers’.`
}

function describeCase({ labelShare, noiseShare }: LabelStudyCase): string {
  return `${percent(labelShare)} kept and ${percent(noiseShare)} flipped`
}

function caseCells(one: LabelStudyCase) {
  const { labelShare, noiseShare, seeds, gain, paired } = one
  return [
    html`${percent(labelShare)} kept, ${percent(noiseShare)} flipped<small>${
      seeds.length === 1 ? 'one seed' : `${seeds.length} seeds`
    }</small>`,
    ...kinds.map(([, pick]) => percentCell(widestOfRepeated(pick(one)), 1)),
    repeatedGainCell(gain),
    paired
      .map(({ onlyPlain, onlyDistilled }) => `${formatCount(onlyPlain)} / ${formatCount(onlyDistilled)}`)
      .join(', '),
    paired.map(({ p }) => formatP(p)).join(', '),
    verdictOf(widestOfRepeated(gain)),
  ]
}

/** 0.07 as `7 %`, not as `7.000000000000001 %`. */
function percent(share: number): string {
  return `${Number((100 * share).toPrecision(6))} %`
}

function verdictOf({ low, high }: Estimate): string {
  if (low === null || high === null) return 'no interval'
  return low > 0 ? 'a gain' : high < 0 ? 'a loss' : 'zero is within'
}

function meansBy(cases: readonly LabelStudyCase[], share: (one: LabelStudyCase) => number): LabelStudyMean[] {
  return cases
    .toSorted((a, b) => share(a) - share(b))
    .flatMap((one) =>
      kinds.map(([series, pick]) => ({ share: share(one), series, accuracy: widestOfRepeated(pick(one)) })),
    )
}
