// What a release promises, measured: overkill of the released student on a million good pellets of the simulated line, its
// escapes by size, and its accuracy against the ensemble of the released teachers. `--against FILE,...`: other students that judge the
// same pellets, each at its own threshold and at the overkill of the first.
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { formatCount, formatDuration } from '../services/cli/format-number.ts'
import { renderTable } from '../services/cli/render-table.ts'
import { defaultLine } from '../services/line-simulator/index.ts'
import { loadModel } from '../services/shared/onnx/load-model.ts'
import { readReleasedModels } from '../services/shared/onnx/released-models.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { compareRival, type RivalFigures, type ThresholdFigures } from './support/compare-rival.ts'
import { judgeSimulated } from './support/judge-simulated.ts'
import { type CountedShare, measureRelease, type ReleaseFigures } from './support/measure-release.ts'

const goals = { overkillPpm: 100, escapeTwice: 0.01 }
const { smallestSpeckPx } = defaultLine.specks

await runBench(async () => {
  const { json, modelsDir, numbers, texts } = readBenchOptions(
    {
      good: 1_000_000,
      'ng-per-mille': 40,
      ensemble: 20_000,
      'inferiority-per-mille': 3,
      // Far from the seeds that training data are simulated with.
      seed: 770_000_000,
      lanes: availableParallelism(),
    },
    ['against'],
  )
  const { good, ensemble, seed, lanes } = numbers
  const ng = Math.max(1, Math.round((good * numbers['ng-per-mille']) / 1000))
  const released = readReleasedModels(modelsDir)
  const student = await loadModel(released.student)
  const teachers = await Promise.all(released.teachers.map((path) => loadModel(path)))
  const rivals = await Promise.all((texts.against?.split(',') ?? []).map((path) => loadModel(path)))
  const began = performance.now()
  const judged = await judgeSimulated({
    good,
    ng,
    seed,
    lanes,
    comparison: Math.min(ensemble, 2 * ng),
    student: new Uint8Array(student.bytes),
    rivals: rivals.map(({ bytes }) => new Uint8Array(bytes)),
    others: teachers.map(({ bytes }) => new Uint8Array(bytes)),
    onProgress: createProgress(began),
  })
  const { threshold } = student.manifest
  const inferiority = numbers['inferiority-per-mille'] / 1000
  const rule = { threshold, smallestSpeckPx, inferiority }
  const figures = measureRelease(judged, rule)
  const compared = rivals.map(({ manifest }, i) => ({
    id: manifest.id,
    sha256: manifest.sha256,
    threshold: manifest.threshold,
    ...compareRival(judged.all, judged.rivals[i]!, { ...rule, rivalThreshold: manifest.threshold }),
  }))
  const about = {
    student: student.manifest.id,
    sha256: student.manifest.sha256,
    teachers: teachers.map(({ manifest }) => manifest.id),
    threshold,
    smallestSpeckPx,
    seed,
    seconds: Math.round((performance.now() - began) / 1000),
    goals,
  }
  if (json) process.stdout.write(`${JSON.stringify({ bench: 'release', ...about, ...figures, rivals: compared })}\n`)
  else
    process.stdout.write(
      `${[...print(figures, about), ...compared.flatMap((rival) => printRival(rival, about.student))].join('\n')}\n`,
    )
})

/** One line that renews itself on a terminal, else a line per tenth. */
function createProgress(began: number): (done: number, total: number) => void {
  let shown = 0
  return (done, total) => {
    const left = ((performance.now() - began) / done) * (total - done)
    const text = `${formatCount(done)} of ${formatCount(total)} pellets, ${formatDuration(left)} left`
    const tenth = Math.floor((10 * done) / total)
    if (process.stderr.isTTY) process.stderr.write(`\r${text}    ${done === total ? '\n' : ''}`)
    else if (tenth > shown) process.stderr.write(`${text}\n`)
    shown = tenth
  }
}

/** Whether a share keeps to its limit, also where chance is allowed for. */
function stateGoal({ value, high }: CountedShare, limit: number): string {
  if (value === null || high === null) return 'not measured'
  if (value > limit) return 'missed'
  return high <= limit ? 'kept' : 'kept by the estimate, not by the upper limit of its interval: measure more'
}

interface About {
  readonly student: string
  readonly teachers: readonly string[]
  readonly threshold: number
  readonly seconds: number
}

function percent(value: number | null): string {
  return value === null ? '-' : `${(100 * value).toFixed(3)} %`
}

function ppm(value: number | null): string {
  return value === null ? '-' : `${(1e6 * value).toFixed(1)} ppm`
}

/** Overkill and escapes by size, with their intervals. */
function tableOf({ overkill, escapes, escapesTwice, bySize }: ThresholdFigures): readonly string[] {
  const row = (what: string, { count, hits, value, low, high }: CountedShare, show = percent) => [
    what,
    formatCount(count),
    formatCount(hits),
    show(value),
    `${show(low)} .. ${show(high)}`,
  ]
  const px = (value: number) => value.toFixed(1)
  return renderTable(
    ['What', 'Pellets', 'Wrong', 'Share', '95 % interval (exact)'].map((title, at) => ({
      title,
      align: at === 0 ? 'left' : 'right',
    })),
    [
      row('overkill: good pellets judged NG', overkill, ppm),
      row(`escapes, specks from ${smallestSpeckPx} px`, escapes),
      row(`escapes, specks from ${2 * smallestSpeckPx} px`, escapesTwice),
      ...bySize.map((bin) => row(`  ${px(bin.fromPx)} to ${px(bin.toPx)} px`, bin)),
    ],
  )
}

function printRival(
  { id, threshold, atLikeOverkill, ...own }: RivalFigures & { readonly id: string; readonly threshold: number },
  student: string,
): readonly string[] {
  const { overkill, escapes, escapesTwice } = own
  const { found } = atLikeOverkill
  return [
    '',
    `beside it ${id} on the same pellets, at its own margin ${threshold.toFixed(3)}: overkill ${ppm(overkill.value)}, escapes ` +
      `${percent(escapes.value)}, ${percent(escapesTwice.value)} from ${2 * smallestSpeckPx} px on; at margin ` +
      `${atLikeOverkill.threshold.toFixed(3)}, where it overkills no more than ${student}:`,
    '',
    ...tableOf(atLikeOverkill),
    '',
    `${student} alone finds ${formatCount(found.onlyB)} specked pellets, ${id} alone ${formatCount(found.onlyA)}: difference ` +
      `${percent(found.gain.value)} (${percent(found.gain.low)} .. ${percent(found.gain.high)}), McNemar p ${found.p.toPrecision(2)}`,
  ]
}

function print(figures: ReleaseFigures, { student, teachers, threshold, seconds }: About): readonly string[] {
  const { overkill, escapesTwice, curve, against } = figures
  const shown = curve.filter(({ overkillPpm }, i) => overkillPpm <= 20_000 && (i < 20 || i % 4 === 0))
  return [
    `release: ${student} at margin ${threshold.toFixed(3)} on the simulated default line, ${formatCount(seconds)} s.`,
    '',
    ...tableOf(figures),
    '',
    `at most ${goals.overkillPpm} ppm overkill: ${stateGoal(overkill, goals.overkillPpm / 1e6)}`,
    `at most ${100 * goals.escapeTwice} % escapes from ${2 * smallestSpeckPx} px on: ${stateGoal(escapesTwice, goals.escapeTwice)}`,
    '',
    ...renderTable(
      ['Overkill', `Escapes from ${smallestSpeckPx} px`, `from ${2 * smallestSpeckPx} px`].map((title) => ({
        title,
        align: 'right',
      })),
      shown.map((point) => [ppm(point.overkillPpm / 1e6), percent(point.escape), percent(point.escapeTwice)]),
    ),
    ...(against === undefined
      ? []
      : [
          '',
          `against the ensemble of ${teachers.join(', ')} on ${formatCount(against.pellets)} pellets, half of them NG, at margin 0: ` +
            `student ${percent(against.studentAccuracy)} right, ensemble ${percent(against.ensembleAccuracy)}; difference ` +
            `${percent(against.paired.gain.value)} (${percent(against.paired.gain.low)} .. ${percent(against.paired.gain.high)}), ` +
            `McNemar p ${against.paired.p.toPrecision(2)}: ${against.notInferior ? 'not' : 'not shown to be not'} worse by more than ${percent(against.inferiority)}`,
        ]),
  ]
}
