import { formatPercent, formatQuantity } from '../../../services/cli/format-number.ts'
import type { Column } from '../../../services/cli/render-table.ts'
import { quantile, ratioOf, type Spread, spreadOf } from '../measure.ts'
import { rateLessClient } from '../peers/peers-report.ts'
import type { TitledTable } from '../print-tables.ts'
import type { BareRound, LoadRound, StudentLoad, StudentMeasurement } from './measure-student.ts'
import { type Part, parts } from './share-by-part.ts'

/** One load over all rounds. */
export interface LoadSummary {
  readonly load: StudentLoad
  readonly cropsPerSecond: Spread
  /** Of the bare runs of each size, by the crops of a run. */
  readonly ofBare: Readonly<Record<number, Spread>>
  /** The same as if the callers' processor time were the server's too. */
  readonly ofBareLessCallers: Readonly<Record<number, Spread>>
  /** Processor time of a bare crop over that of the server's. */
  readonly ofBareByCpu: Readonly<Record<number, Spread>>
  readonly answerMs: Spread
  readonly answerP99Ms: number
  /** Processor time of one crop, us. */
  readonly cpuUsPerCrop: { readonly server: Spread; readonly run: Spread; readonly callers: Spread }
  /** Processor time of one request without `run`, us: of the whole server, and of the thread that serves. */
  readonly callUs: { readonly server: Spread; readonly main: Spread }
  readonly cropsPerRun: Spread
  /** Shares of the parts in the time of the thread that serves, and what they come to in a request, us. */
  readonly parts: readonly { readonly part: Part; readonly share: number; readonly us: number }[]
}

export interface BareSummary {
  readonly batch: number
  readonly cropsPerSecond: Spread
  readonly cpuUsPerCrop: { readonly process: Spread; readonly run: Spread }
}

/** Medians and quartiles of all loads; `cores` are those that server and callers share. */
export function summariseLoads(
  measured: StudentMeasurement,
  loads: readonly StudentLoad[],
  bareCrops: number,
  cores: number,
): LoadSummary[] {
  return loads.map((load) => summarise(measured, load, bareCrops, cores))
}

/** The same of the bare runs of each size. */
export function summariseBare({ bare }: StudentMeasurement, bareCrops: number): BareSummary[] {
  return [...bare].map(([batch, rounds]) => ({
    batch,
    cropsPerSecond: spreadOf(rounds.map(({ ms }) => (1000 * bareCrops) / ms)),
    cpuUsPerCrop: {
      process: spreadOf(rounds.map(({ cpuUs }) => cpuUs / bareCrops)),
      run: spreadOf(rounds.map(({ runUs }) => runUs / bareCrops)),
    },
  }))
}

function summarise(
  { loads, bare, shares }: StudentMeasurement,
  load: StudentLoad,
  bareCrops: number,
  cores: number,
): LoadSummary {
  const rounds = loads.get(load.name)!
  const crops = load.requests * load.crops
  const spread = (pick: (round: LoadRound) => number) => spreadOf(rounds.map(pick))
  const rates = rounds.map(({ ms }) => (1000 * crops) / ms)
  const alone = rounds.map(({ callersUs }, i) =>
    rateLessClient({ cropsPerSecond: rates[i]!, clientCpuSeconds: callersUs / crops / 1000 }, cores),
  )
  const against = (ratio: (rounds: readonly BareRound[]) => Spread) =>
    Object.fromEntries([...bare].map(([batch, bareRounds]) => [batch, ratio(bareRounds)]))
  const bareRates = (all: readonly BareRound[]) => all.map(({ ms }) => (1000 * bareCrops) / ms)
  const main = spread(({ mainUs }) => mainUs / load.requests)
  const waits = rounds.flatMap((round) => round.waits)
  return {
    load,
    cropsPerSecond: spreadOf(rates),
    ofBare: against((all) => ratioOf(rates, bareRates(all))),
    ofBareLessCallers: against((all) => ratioOf(alone, bareRates(all))),
    ofBareByCpu: against((all) =>
      ratioOf(
        all.map(({ cpuUs }) => cpuUs / bareCrops),
        rounds.map(({ serverUs }) => serverUs / crops),
      ),
    ),
    answerMs: spreadOf(waits),
    answerP99Ms: quantile(waits, 0.99),
    cpuUsPerCrop: {
      server: spread(({ serverUs }) => serverUs / crops),
      run: spread(({ runUs }) => runUs / crops),
      callers: spread(({ callersUs }) => callersUs / crops),
    },
    callUs: { server: spread(({ serverUs, runUs }) => (serverUs - runUs) / load.requests), main },
    cropsPerRun: spread(({ runs }) => crops / runs),
    parts: parts.flatMap((part) => {
      const share = shares.get(load.name)?.get(part)
      return share === undefined ? [] : [{ part, share, us: share * main.median }]
    }),
  }
}

const right = (title: string): Column => ({ title, align: 'right' })
const full = ({ median, lower, upper }: Spread) =>
  `${formatQuantity(median)} (${formatQuantity(lower)} .. ${formatQuantity(upper)})`

/** The tables that are printed. */
export function tabulateStudent(loads: readonly LoadSummary[], bare: readonly BareSummary[]): TitledTable[] {
  return [
    tabulateRates(loads, bare),
    tabulateCpu(loads, bare),
    ...loads.filter((summary) => summary.parts.length > 0).map(tabulateParts),
  ]
}

function tabulateRates(loads: readonly LoadSummary[], bare: readonly BareSummary[]): TitledTable {
  const batches = bare.map(({ batch }) => batch)
  return {
    title: 'Crops per second',
    note: 'Of bare: over those of threads that do nothing but run, in runs of so many crops. Less the callers: as if their processor time were the server’s too.',
    columns: [
      { title: 'What' },
      right('crops/s'),
      ...batches.flatMap((batch) => [right(`of bare, ${batch}`), right('less the callers')]),
      right('answer after, ms'),
      right('99 % within, ms'),
    ],
    rows: [
      ...loads.map(({ load, cropsPerSecond, ofBare, ofBareLessCallers, answerMs, answerP99Ms }) => [
        load.name,
        full(cropsPerSecond),
        ...batches.flatMap((batch) => [full(ofBare[batch]!), full(ofBareLessCallers[batch]!)]),
        formatQuantity(answerMs.median),
        formatQuantity(answerP99Ms),
      ]),
      ...bare.map(({ batch, cropsPerSecond }) => [`bare runs of ${batch}`, full(cropsPerSecond)]),
    ],
  }
}

function tabulateCpu(loads: readonly LoadSummary[], bare: readonly BareSummary[]): TitledTable {
  const [largest] = bare.map(({ batch }) => batch).toSorted((a, b) => b - a)
  return {
    title: 'Processor time, us',
    note: `Bare over server: that of a bare crop in runs of ${largest} over that of a crop of the server. Besides run: what a request costs the server without its runs.`,
    columns: [
      { title: 'What' },
      right('server, a crop'),
      right('in run(), a crop'),
      right('callers, a crop'),
      right('bare over server'),
      right('besides run, a request'),
      right('thread that serves'),
      right('crops of a run'),
    ],
    rows: [
      ...loads.map(({ load, cpuUsPerCrop, ofBareByCpu, callUs, cropsPerRun }) => [
        load.name,
        full(cpuUsPerCrop.server),
        full(cpuUsPerCrop.run),
        full(cpuUsPerCrop.callers),
        full(ofBareByCpu[largest!]!),
        full(callUs.server),
        full(callUs.main),
        formatQuantity(cropsPerRun.median),
      ]),
      ...bare.map(({ batch, cpuUsPerCrop }) => [
        `bare runs of ${batch}`,
        full(cpuUsPerCrop.process),
        full(cpuUsPerCrop.run),
      ]),
    ],
  }
}

function tabulateParts({ load, parts: found }: LoadSummary): TitledTable {
  return {
    title: `Thread that serves, ${load.name}`,
    note: 'Where its time goes by a profile, and what that is of a request, us.',
    columns: [{ title: 'Part' }, right('share'), right('us a request')],
    rows: found.map(({ part, share, us }) => [part, formatPercent(share, 1), formatQuantity(us)]),
  }
}
