import type { Estimate } from '../../shared/statistics/interval.ts'
import type { ListedConvolution } from '../networks/list-convolutions.ts'
import type { EpochRecord } from '../training/checkpoint.ts'

/** Version of `report.json`; it grows only when the meaning of a member changes. */
export const reportFormatVersion = 2

/**
 * Everything that the report of an experiment shows, and what `report.json` holds. All intervals are 95 %. Rates are
 * shares, 0 to 1, times are milliseconds, sizes px of the crop. NG is the positive class.
 */
export interface ExperimentReport {
  readonly formatVersion: typeof reportFormatVersion
  readonly title: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly commit: string
  readonly machine: { readonly processor: string; readonly threads: number; readonly runtime: string }
  readonly data: ReportedData
  /** The configuration, defaults filled in. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Teachers, plain student, distilled student, then further ones; of those that were repeated, the first seed. */
  readonly models: readonly ReportedModel[]
  /** All that was trained, further seeds and studies too; where it is absent, the models above. */
  readonly trained?: TrainedNetworks
  /** Mean of the teachers' softmax at temperature 1, judged by its largest class. */
  readonly ensemble?: ClassifierFigures
  /** Plain against distilled students over all seeds, in the order of the seeds. */
  readonly seeds?: SeedStudy
  readonly comparisons: readonly Comparison[]
  /** The experiment's schedule beside reduce-on-plateau: what figure 6 shows. */
  readonly schedules?: ComparedSchedules
  readonly sweep?: readonly SweepPoint[]
  readonly labelStudy?: readonly LabelStudyCase[]
  readonly heatmaps?: HeatmapFigure
  readonly worst: readonly WorstMistake[]
}

/** Number of networks, and what their trainings took together. */
export interface TrainedNetworks {
  readonly networks: number
  readonly seconds: number
}

export interface ReportedData {
  readonly source: string
  readonly parts: Readonly<Record<'train' | 'val' | 'test', ReportedPart>>
  readonly standardisation: { readonly mean: number; readonly deviation: number }
  /** How the parts came about, in a sentence. */
  readonly split: string
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
  readonly padded: number
}

export interface ReportedPart {
  readonly count: number
  readonly ok: number
  readonly ng: number
  /** Groups (patients, lots, scans); null where none is known. */
  readonly groups: number | null
  readonly digest: string
}

export type ModelRole = 'teacher' | 'plain' | 'distilled' | 'variant'

export interface ReportedModel {
  readonly id: string
  /** For people: `VGG-16`, `student, distilled`. */
  readonly label: string
  readonly role: ModelRole
  readonly seed: number
  readonly parameters: number
  /** True multiply-adds of one image. */
  readonly multiplyAdds: number
  /** What the paper's table calls FLOPs: about twice the number of parameters. */
  readonly paperOperations: number
  /** In the network's order; absent for a model that was given to the experiment. */
  readonly convolutions?: readonly ListedConvolution[]
  /** The file that is served, and its sizes in other precisions. */
  readonly files: readonly ReportedFile[]
  /** At margin 0, as the paper judges: the larger output wins. */
  readonly test: ClassifierFigures
  /** At the threshold that validation chose for the target recall; what it costs shows in the precision. */
  readonly atTargetRecall?: ClassifierFigures & { readonly targetRecall: number }
  readonly calibration: Calibration
  readonly history: readonly EpochRecord[]
  readonly keptEpoch: number
  readonly trainingSeconds: number
  /** Only of a teacher that was given to the experiment instead of trained in it; its history is empty. */
  readonly given?: GivenModel
}

/** Lineage of a model that existed before the experiment. */
export interface GivenModel {
  /** Id of its manifest. */
  readonly model: string
  readonly dataSource: string
  /** SHA-256 of its own training part. */
  readonly trainDigest: string
  readonly seed: number
  readonly commit: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export interface ReportedFile {
  readonly precision: 'float32' | 'float16' | 'int8' | 'int8Weights'
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  readonly test: ClassifierFigures
  /** Measured in one run against the other models, interleaved; per image. */
  readonly time: { readonly batch1: Spread; readonly batch64: Spread } | null
}

/** Median and quartiles of repeated measurements. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export interface ClassifierFigures {
  readonly count: number
  readonly threshold: number
  readonly confusion: {
    readonly okAsOk: number
    readonly okAsNg: number
    readonly ngAsOk: number
    readonly ngAsNg: number
  }
  /** Within this model: Wilson, DeLong for the AUC, and by the bootstrap over groups where images come in groups. */
  readonly precision: GroupedEstimate
  readonly recall: GroupedEstimate
  readonly accuracy: GroupedEstimate
  readonly auc: GroupedEstimate
  readonly f1: GroupedEstimate
  /** Good crops called NG, per million, exact interval, and by the bootstrap over groups. */
  readonly overkillPpm: GroupedEstimate
  /**
   * What it does where this share of the pellets is NG: precision, good ones called NG and NG ones missed per million; from
   * limits of recall and overkill that are the wider of the exact ones and those by groups.
   */
  readonly atPrevalence: readonly {
    readonly prevalence: number
    readonly precision: Estimate
    readonly overkillPpm: Estimate
    readonly escapesPpm: Estimate
  }[]
  /** Only where the sizes of specks are known; exact intervals, which take every image as one of its own. */
  readonly escapes?: {
    readonly smallestSpeckPx: number
    readonly all: Estimate & { readonly count: number; readonly missed: number }
    readonly bySize: readonly (Estimate & {
      readonly fromPx: number
      readonly toPx: number
      readonly count: number
      readonly missed: number
    })[]
    /** The trade of escapes (of specks from the smallest size on, and from twice it) against overkill, by threshold. */
    readonly curve: readonly { readonly overkillPpm: number; readonly escape: number; readonly escapeTwice: number }[]
  }
}

export interface GroupedEstimate extends Estimate {
  /** Interval of the bootstrap over groups; absent where no groups are known, or where it cannot be told. */
  readonly byGroups?: { readonly low: number; readonly high: number }
}

export interface Calibration {
  readonly expectedError: number
  readonly bins: readonly {
    readonly from: number
    readonly to: number
    readonly count: number
    readonly meanProbability: number
    readonly ngShare: Estimate
  }[]
}

export interface SeedStudy {
  readonly count: number
  /** Means with t intervals over seeds. */
  readonly plain: SeedFigures
  readonly distilled: SeedFigures
  /** Distilled less plain, paired by seed. */
  readonly gain: SeedFigures
  /** Accuracy of the distilled students less that of their teachers together, paired by seed; absent without teachers. */
  readonly overTeachers?: RepeatedEstimate
}

export type SeedFigures = Readonly<Record<'precision' | 'recall' | 'accuracy' | 'auc' | 'f1', RepeatedEstimate>>

/**
 * An estimate from one model or more that were trained alike but for the seed: their mean. Its own limits are of images where
 * there is one value (Wilson's of a share, Newcombe's of a gain), and of a t interval over the seeds where there are several.
 */
export interface RepeatedEstimate extends Estimate {
  /** One per seed. */
  readonly values: readonly number[]
  /**
   * Limits by the chance of the test images, the models being as they are. Of several seeds only the gain in accuracy and
   * accuracies of the study of labels have them, of one seed only where images come in groups. Null for a gain of one seed where
   * there are groups and it cannot be told.
   */
  readonly overImages?: ImageInterval | null
}

/** By a bootstrap over whole groups of images, or, where none are known, a t interval over single images. */
export interface ImageInterval {
  readonly low: number
  readonly high: number
  readonly by: 'groups' | 'images'
}

/** Two models whose histories show one schedule beside another. */
export interface ComparedSchedules {
  /** Id of the student that was trained by the experiment's own schedule, and what that is called. */
  readonly own: string
  readonly ownName: string
  /** Id of the one that was trained with reduce-on-plateau. */
  readonly plateau: string
}

export interface Comparison {
  /** Ids of models, or `ensemble`. */
  readonly a: string
  readonly b: string
  /** Test crops that only one of them judges right. */
  readonly onlyA: number
  readonly onlyB: number
  /** McNemar's exact test, two-sided; it takes every image as one of its own, groups or not. */
  readonly p: number
  readonly gain: PairedGain
}

/** Accuracy of one model less that of another on the same images, with Newcombe's paired interval. */
export interface PairedGain extends Estimate {
  /**
   * Interval of the bootstrap over groups; absent where no groups are known. Null where there are groups and it cannot be told
   * (a single one, all images judged alike): no gain is claimed then.
   */
  readonly byGroups?: { readonly low: number; readonly high: number } | null
}

export interface SweepPoint {
  readonly temperature: number
  readonly lambda: number
  readonly temperatureSquared: boolean
  /** For how many it was trained. */
  readonly epochs: number
  readonly valLoss: number
  readonly valAccuracy: number
  /** Null where the validation part has one class only. */
  readonly valAuc: number | null
}

/** One case of the study of labels; accuracies on the test part at margin 0. */
export interface LabelStudyCase {
  /** What was made scarce or wrong: share of the training labels that were kept, share that was flipped. */
  readonly labelShare: number
  readonly noiseShare: number
  /** Of the students; the labels and the teachers of a case are the same for all of them. */
  readonly seeds: readonly number[]
  readonly plain: RepeatedEstimate
  readonly distilled: RepeatedEstimate
  /** Mean of the teachers' softmax. */
  readonly teachers: RepeatedEstimate
  /** Their names for people; the cases of a study may have fewer than the experiment itself. */
  readonly teacherNames: readonly string[]
  /** Distilled less plain, paired by image and seed. */
  readonly gain: RepeatedEstimate
  /** Seed by seed: test crops that only one of the two judges right, and McNemar's exact test, which knows no groups. */
  readonly paired: readonly { readonly onlyPlain: number; readonly onlyDistilled: number; readonly p: number }[]
}

export interface HeatmapFigure {
  /** The class that the heat speaks for, in crops of either class. */
  readonly target: 'NG'
  readonly layers: readonly string[]
  /** Test crops: half OK, half NG. */
  readonly crops: readonly {
    readonly index: number
    readonly label: 'OK' | 'NG'
    /** 50x50 gray bytes, base64. */
    readonly pixels: string
    readonly views: readonly {
      readonly model: string
      readonly probability: number
      /** The model is so sure that its score has no slope left in float32: maps are empty although something speaks for it. */
      readonly saturated?: true
      /** By layer: 50x50 bytes, 255 is the view's own peak, base64; all 0 where nothing speaks for the target. */
      readonly heat: readonly string[]
    }[]
  }[]
}

export interface WorstMistake {
  readonly model: string
  readonly index: number
  readonly label: 'OK' | 'NG'
  readonly probability: number
  readonly pixels: string
}
