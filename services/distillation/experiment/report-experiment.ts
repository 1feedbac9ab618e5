import type { CropSplits } from '../../shared/dataset/crop-dataset.ts'
import type { ExperimentConfig } from './experiment-config.ts'
import type { OnExperimentEvent } from './experiment-events.ts'
import type { ExperimentJob } from './plan-experiment.ts'
import type { ExperimentData } from './run-experiment.ts'
import type { JobContext } from './run-training-job.ts'

export interface ReportOptions {
  readonly config: ExperimentConfig
  readonly jobs: readonly ExperimentJob[]
  readonly data: ExperimentData & { readonly splits: CropSplits }
  readonly context: JobContext
  readonly commit: string | undefined
  readonly onEvent: OnExperimentEvent
}

/** What an experiment ends with. */
export interface ReportedExperiment {
  readonly html: string
  readonly json: string
}

export async function reportExperiment(options: ReportOptions): Promise<ReportedExperiment> {
  const { reportDir } = options.context.folder
  return { html: `${reportDir}/index.html`, json: `${reportDir}/report.json` }
}
