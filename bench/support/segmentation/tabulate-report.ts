import { formatBytes, formatCount, formatQuantity } from '../../../services/cli/format-number.ts'
import type { Column } from '../../../services/cli/render-table.ts'
import type { Spread } from '../measure.ts'
import type { GeometryError, GeometryFigures } from './measure-geometry.ts'
import type { MemoryFigures } from './measure-memory.ts'
import type { SegmentationReport } from './segmentation-report.ts'

/** A table of the report, for a terminal or for Markdown. */
export interface ReportTable {
  readonly title: string
  /** What a reader has to know to read it, in a sentence or two. */
  readonly note: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
}

const text = (...titles: string[]): Column[] => titles.map((title) => ({ title }))
const numbers = (...titles: string[]): Column[] => titles.map((title) => ({ title, align: 'right' }))

/** The tables of all sections that were run, in the order in which they are read. */
export function tabulateReport(report: SegmentationReport): ReportTable[] {
  const tables = [
    tabulateStrips(report),
    report.throughput && tabulateThroughput(report.throughput),
    report.goals && tabulateGoals(report.goals),
    report.heights && tabulateHeights(report.heights),
    report.densities && tabulateDensities(report.densities),
    report.cameras && tabulateCameras(report.cameras),
    report.overload && tabulateOverload(report.overload),
    report.memory && tabulateMemory(report.memory),
    report.geometry && tabulateGeometry(report.geometry),
  ]
  return tables.filter((table) => table !== undefined)
}

function tabulateStrips({ strips, settings }: SegmentationReport): ReportTable {
  const { threshold, bedLevel, medianAreaPx, smallestSpeckPx } = settings
  return {
    title: 'Strips',
    note:
      `Simulated, with known truth; each follows itself without a seam. Threshold ${threshold}, bed ${bedLevel}, median ` +
      `area ${formatQuantity(medianAreaPx)} px, specks from ${smallestSpeckPx} px.`,
    columns: [...text('Strip'), ...numbers('Pixels', 'Pellets by truth', 'Touching clusters', 'Pellets in them')],
    rows: strips.map(({ name, width, rows, pellets, clusters, touching }) => [
      name,
      `${width} x ${rows}`,
      formatCount(pellets),
      formatCount(clusters),
      formatCount(touching),
    ]),
  }
}

function tabulateThroughput(figures: NonNullable<SegmentationReport['throughput']>): ReportTable {
  return {
    title: 'Speed and what was found, one core each',
    note:
      'In turns within one run. Found: pellets reported per strip. Matched: pellets off the borders of the strip that got a box of ' +
      'their own (IoU of at least 0.7), of all such. Extra: boxes without such a pellet. Clusters and oversize: reported, but not judged. Specks: ' +
      'black ones of at least 3 px, in all pellets.',
    columns: [
      ...text('Strip', 'Method'),
      ...numbers(
        'ms per strip',
        'MB/s',
        'kernel is faster by',
        'Found',
        'Matched',
        'Extra',
        'Clusters',
        'Oversize',
        'Specks',
      ),
    ],
    rows: figures.map(({ scene, method, title, msPerStrip, mbPerSecond, kernelAgainst, counts }) => [
      scene,
      title,
      formatSpread(msPerStrip),
      formatSpread(mbPerSecond),
      method === 'kernel' ? '' : formatSpread(kernelAgainst),
      counts === undefined ? '' : `${formatCount(counts.found)} of ${formatCount(counts.truth)}`,
      counts === undefined ? '' : `${formatCount(counts.wholeFound)} of ${formatCount(counts.whole)}`,
      formatOptional(counts?.extra),
      formatOptional(counts?.clusters),
      formatOptional(counts?.oversize),
      formatOptional(counts?.specks),
    ]),
  }
}

function tabulateGoals(goals: NonNullable<SegmentationReport['goals']>): ReportTable {
  return {
    title: 'Goals',
    note:
      'Medians of the table above. 369 MB/s is one camera of 8,192 pixels at 45,000 rows/s. Not measured: no OpenCV, or kernel and ' +
      'reference do not find the same pellets and specks.',
    columns: [...text('Goal'), ...numbers('At least', 'Reached'), ...text('Verdict')],
    rows: goals.map(({ goal, least, unit, reached, verdict }) => [
      goal,
      `${formatCount(least)} ${unit}`,
      reached === undefined ? '-' : `${formatQuantity(reached)} ${unit}`,
      verdict,
    ]),
  }
}

function tabulateHeights(figures: NonNullable<SegmentationReport['heights']>): ReportTable {
  return {
    title: 'Height of the strips',
    note: 'The same belt of 4,096 rows, cut into strips of one height; the kernel with all measures, specks and crops.',
    columns: [...text('Belt'), ...numbers('Rows per strip', 'MB/s', 'Pellets of the belt')],
    rows: figures.map(({ scene, rows, mbPerSecond, pellets }) => [
      scene,
      formatCount(rows),
      formatSpread(mbPerSecond),
      formatCount(pellets),
    ]),
  }
}

function tabulateDensities(figures: NonNullable<SegmentationReport['densities']>): ReportTable {
  return {
    title: 'Pellets per strip',
    note:
      'Strips of 8,192 x 1,024 px that differ in nothing else, pellets of 32 px, so that 3,000 fit; 42 % of them touch. A camera at ' +
      'line rate leaves 22.8 ms.',
    columns: numbers('Pellets', 'Touching clusters', 'Found', 'ms per strip', 'MB/s'),
    rows: figures.map(({ pellets, clusters, found, msPerStrip, mbPerSecond }) => [
      formatCount(pellets),
      formatCount(clusters),
      formatCount(found),
      formatSpread(msPerStrip),
      formatSpread(mbPerSecond),
    ]),
  }
}

function tabulateCameras(figures: NonNullable<SegmentationReport['cameras']>): ReportTable {
  return {
    title: 'Cameras',
    note: "The service's own workers, one per camera, from received strips to encoded messages; a third thread copies strips to them.",
    columns: [...text('Strip'), ...numbers('Cameras', 'MB/s, all', 'MB/s per camera')],
    rows: figures.map(({ scene, cameras, mbPerSecond, mbPerSecondPerCamera }) => [
      scene,
      `${cameras}`,
      formatSpread(mbPerSecond),
      formatSpread(mbPerSecondPerCamera),
    ]),
  }
}

function tabulateOverload(figures: NonNullable<SegmentationReport['overload']>): ReportTable {
  return {
    title: 'Overload',
    note:
      'A strip that no line should show between ordinary ones of one run. Before, next: time of the ordinary strip before and after it. ' +
      'Found next: pellets off the borders of that next strip that were found.',
    columns: [
      ...text('Strip'),
      ...numbers('ms', 'longest', 'Pellets', 'judged', 'clusters', 'oversize', 'Dust', 'Shed'),
      ...numbers('ms before', 'ms next', 'Found next'),
    ],
    rows: figures.map((one) => [
      one.strip,
      formatSpread(one.ms),
      formatQuantity(one.worstMs),
      ...[one.pellets, one.judged, one.clusters, one.oversize, one.dust, one.shed].map(formatCount),
      formatQuantity(one.beforeMs.median),
      formatSpread(one.nextMs),
      `${formatCount(one.nextFound)} of ${formatCount(one.nextWhole)}`,
    ]),
  }
}

function tabulateMemory({ strips, samples, rssGrowthBytes, kernelGrowthBytes, flat }: MemoryFigures): ReportTable {
  const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(share * samples.length))]!
  const row = (title: string, pick: 'rssBytes' | 'kernelBytes', growth: number) => [
    title,
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => formatBytes(at(share)[pick])),
    formatGrowth(growth),
  ]
  return {
    title: 'Memory',
    note:
      `${formatCount(strips)} strips through one run, sparse and dense in turns: ${flat ? 'flat' : 'NOT flat'}. Growth is from the ` +
      'second quarter to the last, by medians; up to 16 MB of it are taken for garbage that was not collected yet.',
    columns: [...text('Memory'), ...numbers('At first', 'at 1/4', 'at 1/2', 'at 3/4', 'at the end', 'Growth')],
    rows: [row('process, resident', 'rssBytes', rssGrowthBytes), row('WebAssembly', 'kernelBytes', kernelGrowthBytes)],
  }
}

function tabulateGeometry(figures: readonly GeometryFigures[]): ReportTable {
  const lengths = [
    ['middle across', 'middleX'],
    ['middle along', 'middleY'],
    ['width of the box', 'width'],
    ['height of the box', 'height'],
    ['equivalent diameter', 'equivalentDiameterPx'],
  ] as const
  const rowOf = (group: string, measure: string, unit: string, { bias, deviation }: GeometryError) => [
    group,
    measure,
    unit === '%' ? signed(100 * bias) : signed(bias),
    (unit === '%' ? 100 * deviation : deviation).toFixed(3),
    unit,
  ]
  return {
    title: 'Accuracy of sizes and places',
    note:
      "Measured less true, against the simulator's outlines before blur and noise; single judged pellets off the borders, " +
      `${figures.map(({ group, pellets }) => `${formatCount(pellets)} ${group}`).join(' and ')}. A box has whole pixels, an outline has not.`,
    columns: [...text('Pellets', 'Measure'), ...numbers('Bias', 'Standard deviation'), ...text('Unit')],
    rows: figures.flatMap((one) => [
      ...lengths.map(([title, key]) => rowOf(one.group, title, 'px', one[key])),
      rowOf(one.group, 'area', 'px²', one.areaPx),
      rowOf(one.group, 'area', '%', one.areaShare),
    ]),
  }
}

/** `16.9 (16.5 .. 17.4)`: the median with its quartiles. */
export function formatSpread({ median, lower, upper }: Spread): string {
  return `${formatQuantity(median)} (${formatQuantity(lower)} .. ${formatQuantity(upper)})`
}

function formatOptional(count: number | undefined): string {
  return count === undefined ? '' : formatCount(count)
}

function formatGrowth(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${formatBytes(Math.abs(bytes))}`
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`
}
