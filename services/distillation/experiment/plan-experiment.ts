import { type NetworkName, teacherNames } from '../networks/create-network.ts'
import type { ModelRole } from '../report/experiment-report.ts'
import { parseTrainConfig, type TrainConfig, type TrainConfigInput } from '../training/train-config.ts'
import { type ExperimentConfig, studentNames } from './experiment-config.ts'
import type { GivenTeacher } from './given-teachers.ts'

/** What is done to the training part before a training. */
export interface TrainingData {
  /** Share of the labels that may be used. */
  readonly labelShare: number
  /** Share of the labels that are flipped. */
  readonly noiseShare: number
}

/** One network to train. */
export interface TrainingJob {
  readonly kind: 'train'
  /** Name of its folder and of its model. */
  readonly id: string
  /** For people. */
  readonly label: string
  readonly role: ModelRole | 'study'
  readonly network: NetworkName
  readonly config: TrainConfig
  readonly data: TrainingData
  /** The teaching job whose soft targets it learns from. */
  readonly taughtBy: string | undefined
}

/** Teachers judge the training part, once for all students. */
export interface TeachingJob {
  readonly kind: 'teach'
  readonly id: string
  readonly label: string
  readonly teachers: readonly string[]
  readonly teachersSee: 'crops' | 'views' | 'augmented'
}

/** A teacher that was trained before; nothing is left to do. */
export interface GivenJob {
  readonly kind: 'given'
  readonly id: string
  readonly label: string
  readonly teacher: GivenTeacher
}

export type ExperimentJob = TrainingJob | TeachingJob | GivenJob

const allData: TrainingData = { labelShare: 1, noiseShare: 0 }
const networkLabels: Readonly<Record<NetworkName, string>> = {
  vgg16: 'VGG-16',
  vgg19: 'VGG-19',
  resnet18: 'ResNet-18',
  student: 'student',
}
const otherBlock = '1x1-3x3-1x1'

/**
 * The jobs of an experiment in the order in which they run. A longer list (more seeds, a sweep) begins with the shorter
 * one's jobs or holds them unchanged, so that an experiment can be extended in its folder. `given`: the teachers that
 * `config.teachers.given` names, which then are not trained.
 */
export function planExperiment(
  config: ExperimentConfig,
  given: readonly GivenTeacher[] = [],
): readonly ExperimentJob[] {
  const main =
    config.teachers.given === null
      ? teachersOf(config, '', allData, config.teachers.networks)
      : givenTeachersOf(config, given)
  const taughtBy = main.at(-1)!.id
  const students = Array.from({ length: config.seeds }, (_, i) => config.seed + i).flatMap((seed) =>
    config.students.map((role) =>
      student(config, {
        id: `${role}-${seed}`,
        label: `student, ${role}`,
        role,
        seed,
        ...(role === 'distilled' && { taughtBy }),
      }),
    ),
  )
  const first = students.slice(0, config.students.length)
  const further = students.slice(config.students.length)
  return [
    ...main,
    ...first,
    ...variantsOf(config, taughtBy),
    ...sweepOf(config, taughtBy),
    ...further,
    ...labelStudyOf(config),
  ]
}

/** The teachers on some data and the judging that follows them. */
function teachersOf(
  config: ExperimentConfig,
  prefix: string,
  data: TrainingData,
  networks: readonly (typeof teacherNames)[number][],
): ExperimentJob[] {
  // Teachers differ from each other in their weights' seeds too.
  const jobs = networks.map(
    (network): TrainingJob => ({
      kind: 'train',
      id: `${prefix}${network}`,
      label: networkLabels[network],
      role: prefix === '' ? 'teacher' : 'study',
      network,
      config: trainConfig(config, config.teachers.training, {
        id: `${prefix}${network}`,
        seed: config.seed + teacherNames.indexOf(network),
        exportAs: prefix === '' ? config.teachers.exportAs : ['float16'],
      }),
      data,
      taughtBy: undefined,
    }),
  )
  const teachers = jobs.map(({ id }) => id)
  // A study may come back to its folder with other teachers: their students are others too, and say so by this id.
  const all = prefix === '' || networks.length === teacherNames.length
  const id = `${prefix}teaching${all ? '' : `-${networks.join('-')}`}`
  return [...jobs, { kind: 'teach', id, label: 'soft targets', teachers, teachersSee: teachersSeeOf(config) }]
}

/** Teachers that exist, and the judging that follows them; its id names them, as their students are theirs only. */
function givenTeachersOf(config: ExperimentConfig, given: readonly GivenTeacher[]): ExperimentJob[] {
  const jobs = given.map((teacher): GivenJob => {
    const { id, architecture } = teacher.manifest
    const label = `${(networkLabels as Readonly<Record<string, string>>)[architecture] ?? architecture} (${id})`
    return { kind: 'given', id, label, teacher }
  })
  const teachers = jobs.map(({ id }) => id)
  const id = ['teaching', ...teachers].join('-')
  return [...jobs, { kind: 'teach', id, label: 'soft targets', teachers, teachersSee: teachersSeeOf(config) }]
}

/** Crops that are never turned need no judgement of their turned views. */
function teachersSeeOf({ student, distillation }: ExperimentConfig): TeachingJob['teachersSee'] {
  const { teachersSee } = distillation
  return teachersSee === 'views' && student.training.augmentation?.flips !== true ? 'crops' : teachersSee
}

interface StudentOptions {
  readonly id: string
  readonly label: string
  readonly role: TrainingJob['role']
  readonly seed: number
  readonly taughtBy?: string
  readonly data?: TrainingData
  readonly training?: TrainConfigInput
}

function student(config: ExperimentConfig, options: StudentOptions): TrainingJob {
  const { id, label, role, seed, taughtBy, data = allData, training } = options
  const distillation = taughtBy === undefined ? null : config.distillation
  const exportAs = role === 'study' ? ['float16' as const] : config.student.exportAs
  return {
    kind: 'train',
    id,
    label,
    role,
    network: 'student',
    config: trainConfig(config, { ...config.student.training, distillation, ...training }, { id, seed, exportAs }),
    data,
    taughtBy,
  }
}

function trainConfig(
  { threads, spinning, checkpointMinutes }: ExperimentConfig,
  training: TrainConfigInput,
  own: TrainConfigInput,
): TrainConfig {
  return parseTrainConfig({
    ...training,
    ...own,
    spinning,
    checkpointMinutes,
    ...(threads !== undefined && { threads }),
  })
}

function variantsOf(config: ExperimentConfig, taughtBy: string): TrainingJob[] {
  const { seed, distillation } = config
  const [role, shared] = ['variant', { seed }] as const
  return config.variants.flatMap((variant): TrainingJob[] => {
    switch (variant) {
      case 'plateau': {
        // As patient as a tenth of the training.
        const patience = Math.max(1, Math.round(config.student.training.epochs / 10))
        const training = { schedule: { kind: 'plateau', patience } } as const
        const label = 'student, plain, reduce on plateau'
        return [student(config, { ...shared, id: 'plain-plateau', label, role, training })]
      }
      case 'temperatureSquared': {
        const temperatureSquared = !distillation.temperatureSquared
        const training = { distillation: { ...distillation, temperatureSquared } }
        const label = `student, distilled, ${temperatureSquared ? 'with' : 'without'} T²`
        const id = `distilled-${temperatureSquared ? 'with' : 'without'}-t2`
        return [student(config, { ...shared, id, label, role, taughtBy, training })]
      }
      case 'block': {
        const training = { block: otherBlock } as const
        const label = (how: string) => `student of ${otherBlock} blocks, ${how}`
        return [
          student(config, { ...shared, id: 'plain-bottleneck', label: label('plain'), role, training }),
          student(config, {
            ...shared,
            id: 'distilled-bottleneck',
            label: label('distilled'),
            role,
            taughtBy,
            training,
          }),
        ]
      }
      default:
        return variant satisfies never
    }
  })
}

function sweepOf(config: ExperimentConfig, taughtBy: string): TrainingJob[] {
  const { sweep, seed } = config
  if (sweep === null) return []
  return sweep.temperatureSquared.flatMap((temperatureSquared) =>
    sweep.temperatures.flatMap((temperature) =>
      sweep.lambdas.map((lambda) => {
        const id = `sweep-t${temperature}-l${lambda}${temperatureSquared ? '-squared' : ''}`
        const distillation = { ...config.distillation, temperature, lambda, temperatureSquared }
        const label = `T ${temperature}, lambda ${lambda}${temperatureSquared ? ', T²' : ''}`
        const training = { distillation, epochs: sweep.epochs }
        return student(config, { id, label, role: 'study', seed, taughtBy, training })
      }),
    ),
  )
}

function labelStudyOf(config: ExperimentConfig): ExperimentJob[] {
  if (config.labelStudy === null) return []
  const { teachers } = config.labelStudy
  return labelCasesOf(config.labelStudy).flatMap(({ prefix, label, ...data }) => {
    const taught = teachersOf(config, prefix, data, teachers)
    const taughtBy = taught.at(-1)!.id
    return [
      ...taught,
      ...labelSeedsOf(config).flatMap((seed) => {
        const own = { role: 'study', seed, data } as const
        const [plain, distilled] = studentNames.map((how) => labelStudentId(config, prefix, how, seed))
        return [
          student(config, { ...own, id: plain!, label: `student, plain, ${label}` }),
          student(config, { ...own, id: distilled!, label: `student, distilled, ${label}`, taughtBy }),
        ]
      }),
    ]
  })
}

/** A case of the study of labels; the ids of its jobs begin with the prefix. */
export interface LabelCase extends TrainingData {
  readonly prefix: string
  /** For people. */
  readonly label: string
}

/** The cases of a study of labels, but for the one that has all labels, and right ones: that is the experiment itself. */
export function labelCasesOf({
  labelShares,
  noiseShares,
}: NonNullable<ExperimentConfig['labelStudy']>): readonly LabelCase[] {
  return [
    ...labelShares.map((labelShare) => ({
      labelShare,
      noiseShare: 0,
      prefix: `labels-${labelShare}-`,
      label: `${100 * labelShare} % of the labels`,
    })),
    ...noiseShares.map((noiseShare) => ({
      labelShare: 1,
      noiseShare,
      prefix: `noise-${noiseShare}-`,
      label: `${100 * noiseShare} % of the labels wrong`,
    })),
  ]
}

/** Seeds of the students of each case. */
export function labelSeedsOf({ labelStudy, seed }: ExperimentConfig): readonly number[] {
  return Array.from({ length: labelStudy?.seeds ?? 0 }, (_, i) => seed + i)
}

/** Id of a student of a case; that of the first seed does without it, so that a study can be extended in its folder. */
export function labelStudentId(
  { seed: first }: ExperimentConfig,
  prefix: string,
  how: (typeof studentNames)[number],
  seed: number,
): string {
  return `${prefix}${how}${seed === first ? '' : `-${seed}`}`
}
