import {
  type ExperimentConfig,
  type ExperimentEvent,
  parseExperimentConfig,
  planWork,
  quickConfig,
  readGivenTeachers,
  runExperiment,
} from '../../distillation/index.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { formatCount, formatDuration, formatPercent } from '../format-number.ts'
import type { Progress } from '../progress-bar.ts'
import { loadSettings } from '../settings-config.ts'
import type { Terminal } from '../terminal.ts'
import { readTrainingData } from '../train/read-training-data.ts'
import type { DistillOptions } from './options.ts'

/** Multiply-adds are shown in millions of millions. */
const workUnit = 1e12

/**
 * Runs the experiment: reads or simulates the crops, works through the queue with progress and time left, and ends with the
 * figures of each model and where the report lies.
 */
export async function runDistill(options: DistillOptions, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const config = experimentConfig(options)
  if (options.plan === true) {
    // What is simulated need not be simulated to be planned.
    const simulated = options.data === 'simulated'
    const data = simulated ? undefined : await readTrainingData(options, config.seed, terminal, signal)
    const given = await readGivenTeachers(config.teachers.given ?? [], signal)
    showPlan(planWork(config, data?.splits.train.count ?? options.count, given), terminal)
    return
  }
  await makeFolder(options.out)
  const data = await readTrainingData(options, config.seed, terminal, signal)
  const display = createDisplay(terminal)
  const experiment = await runExperiment({ data, config, outDir: options.out, signal, onEvent: display.show }).finally(
    () => display.end(),
  )
  const { report, html, json } = experiment
  terminal.printJson({ kind: 'report', html, json, models: report.models })
  if (terminal.json) return
  terminal.printTable(
    [
      { title: 'Model' },
      ...['accuracy', 'precision', 'recall', 'AUC'].map((title) => ({ title, align: 'right' as const })),
    ],
    report.models.map(({ label, test }) => [
      label,
      ...[test.accuracy, test.precision, test.recall, test.auc].map(({ value }) =>
        value === null ? '-' : formatPercent(value, 1),
      ),
    ]),
  )
  terminal.note(`The report is ${html}, its figures are ${json}.`)
}

/** Settings of a key that holds others; what is no such thing is refused later, with the rest. */
function asRecord(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

/** The settings of a file (or the quick ones), overruled by single options. */
function experimentConfig(options: DistillOptions): ExperimentConfig {
  const file = options.config === undefined ? {} : loadSettings(options.config, 'distill')
  const settings: Readonly<Record<string, unknown>> = options.quick === true ? quickConfig : file
  const overruled = {
    ...settings,
    ...(options.teachers !== undefined && {
      teachers: { ...asRecord(settings['teachers']), given: options.teachers.split(',') },
    }),
    ...(options.startFrom !== undefined && { student: startFrom(settings, options.startFrom) }),
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.seeds !== undefined && { seeds: options.seeds }),
    ...(options.sweep === true && { sweep: settings['sweep'] ?? {} }),
    ...(options.labelStudy === true && { labelStudy: settings['labelStudy'] ?? {} }),
    ...(options.threads !== undefined && { threads: options.threads }),
  }
  return parseExperimentConfig(overruled, options.config)
}

/** The students' settings, with the model that they go on from. */
function startFrom(settings: Readonly<Record<string, unknown>>, path: string): object {
  const student = asRecord(settings['student']) as Readonly<Record<string, unknown>>
  return { ...student, training: { ...asRecord(student['training']), startFrom: path } }
}

function showPlan(jobs: ReturnType<typeof planWork>, terminal: Terminal): void {
  terminal.printJson({ kind: 'plan', jobs })
  if (terminal.json) return
  const total = jobs.reduce((sum, { work }) => sum + work, 0)
  terminal.printTable(
    [{ title: 'Job' }, { title: 'What' }, { title: 'of the work', align: 'right' }],
    jobs.map(({ id, label, work }) => [id, label, formatPercent(work / total, 1)]),
  )
  terminal.print(
    `${formatCount(jobs.length)} jobs, ${formatCount(Math.round(total / workUnit))} million million multiply-adds.`,
  )
}

/** Shows an experiment's events: a line per job and epoch, and a bar over all that is left. */
function createDisplay(terminal: Terminal) {
  let bar: Progress | undefined
  let resumed = false
  const show = (event: ExperimentEvent) => {
    terminal.printJson(event)
    switch (event.kind) {
      case 'queue': {
        const left = event.jobs.filter(({ done }) => !done)
        const done = event.jobs.length - left.length
        const kept = done === 0 ? '' : `, ${formatCount(done)} of them done before`
        terminal.note(`The queue holds ${formatCount(event.jobs.length)} jobs${kept}.`)
        for (const { id, stale } of event.jobs) {
          if (stale) terminal.note(`${id} was finished with other settings, or by another version: it is trained anew.`)
        }
        const work = left.reduce((sum, job) => sum + job.work, 0)
        if (work > 0) bar = terminal.progress('Experiment', work / workUnit, 'million million multiply-adds')
        break
      }
      case 'progress':
        if (resumed) bar?.resume(event.done / workUnit)
        resumed = false
        bar?.update(event.done / workUnit, event.detail)
        break
      case 'job':
        if (!terminal.json) terminal.note(`${event.label} (${event.id}): ${event.state}`)
        break
      case 'training':
        // Only the first job can have been begun before; the work that follows says how far it was.
        if (event.event.kind === 'resumed') resumed = true
        if (!terminal.json) for (const line of trainingLines(event.event)) terminal.note(line)
        break
      case 'reporting':
        bar?.end()
        break
      default:
        event satisfies never
    }
  }
  return { show, end: () => bar?.end() }
}

function trainingLines(event: Extract<ExperimentEvent, { kind: 'training' }>['event']): readonly string[] {
  switch (event.kind) {
    case 'resumed':
      return [`  going on after step ${formatCount(event.step)}; whole epochs done: ${event.epoch}`]
    case 'epoch': {
      const { epoch, loss, valLoss, valAccuracy, rate, seconds } = event.record
      const figures = `loss ${loss.toFixed(4)}  validation loss ${valLoss.toFixed(4)}  accuracy ${formatPercent(valAccuracy)}`
      const best = event.best ? '  best' : ''
      return [
        `  epoch ${epoch}/${event.epochs}  ${figures}  rate ${rate.toExponential(2)}  ${formatDuration(1000 * seconds)}${best}`,
      ]
    }
    case 'refused':
      return [`  ${event.message}`]
    default:
      return []
  }
}
