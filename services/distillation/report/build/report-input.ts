import type { CropSplits } from '../../../shared/dataset/crop-dataset.ts'
import type { SkippedImage } from '../../../shared/dataset/read-image-folder.ts'
import type { ModelManifest } from '../../../shared/onnx/model-manifest.ts'
import type { ListedConvolution } from '../../networks/list-convolutions.ts'
import type { EpochRecord } from '../../training/checkpoint.ts'
import type {
  ComparedSchedules,
  GivenModel,
  LabelStudyCase,
  ModelRole,
  ReportedFile,
  SweepPoint,
  TrainedNetworks,
} from '../experiment-report.ts'

/** A file that a network was exported to. */
export interface ExportedFile {
  readonly precision: ReportedFile['precision']
  readonly path: string
}

/** One network of an experiment, trained in it or given to it. */
export interface TrainedModelInput {
  /** Names the model everywhere in the report; no two are alike, none is `ensemble`. */
  readonly id: string
  /** For people: `VGG-16`, `student, distilled`. */
  readonly label: string
  readonly role: ModelRole
  readonly seed: number
  /** Trained numbers, and true multiply-adds of one image. */
  readonly costs: Pick<ModelManifest, 'parameters' | 'multiplyAdds'>
  /** Where the network is known, not only its file. */
  readonly convolutions?: readonly ListedConvolution[]
  /** The first is judged for the model's own figures; the others show what their precision costs. */
  readonly files: readonly [ExportedFile, ...ExportedFile[]]
  readonly history: readonly EpochRecord[]
  readonly keptEpoch: number
  readonly trainingSeconds: number
  /** Where a teacher comes from that was not trained in this experiment; it has no history then. */
  readonly given?: GivenModel
}

/** A plain and a distilled student of one seed, by their ids. */
export interface SeedPair {
  readonly plain: string
  readonly distilled: string
}

/** Two models by their ids; the report says what b gains over a. */
export interface ComparedPair {
  readonly a: string
  readonly b: string
}

/** What an experiment hands to its report. */
export interface ReportInput {
  readonly title: string
  readonly splits: CropSplits
  /** Where the data came from; default: the training part's source. */
  readonly source?: string | undefined
  /** How the parts came about, in a sentence. */
  readonly split: string
  readonly skipped: readonly SkippedImage[]
  readonly padded: number
  readonly standardisation: { readonly mean: number; readonly deviation: number }
  /** The configuration, defaults filled in. */
  readonly settings: Readonly<Record<string, unknown>>
  /** In the order of the report; of the pairs in `seeds`, only the first one's models get entries of their own. */
  readonly models: readonly TrainedModelInput[]
  /** Of all that was trained, where that is more than `models`. */
  readonly trained?: TrainedNetworks
  /** Pairs of the same experiment under several seeds, the reported one first; fewer than two make no study. */
  readonly seeds?: readonly SeedPair[]
  readonly schedules?: ComparedSchedules
  /** Pairs to compare beside those that every report has (see `compareModels`), such as a variant with its model. */
  readonly compare?: readonly ComparedPair[]
  readonly sweep?: readonly SweepPoint[]
  readonly labelStudy?: readonly LabelStudyCase[]
  /** Folder that keeps what models answered, so that a second report does not judge again. */
  readonly cacheDir: string
  /** Share of the NG crops that the threshold chosen on validation has to find; default 0.99. */
  readonly targetRecall?: number
  /** Speck diameter, px of the crop, from which a miss counts as an escape; default 3. */
  readonly smallestSpeckPx?: number
  /** Rounds in which the files are timed against each other; default 9, 0: no times. */
  readonly timingRounds?: number
  /** Test crops with heatmaps, half OK, half NG; default 6, 0: none. */
  readonly heatmapCrops?: number
  /** Resamples of the bootstrap over groups; default 1,000. */
  readonly resamples?: number
  /** Threads of one operator; default: all of the machine's. */
  readonly threads?: number | undefined
  /** Commit of the program; default: asked of git. */
  readonly commit?: string | undefined
}

export interface ReportProgress {
  /** What is being done, for people: `judging vgg16 (float16)`. */
  readonly what: string
  /** Part of the whole report that is done, 0 to 1. */
  readonly share: number
}

export interface BuildReportOptions {
  readonly onProgress?: ((progress: ReportProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}
