export { type EvaluateModelOptions, evaluateModel, type ModelEvaluation } from './evaluation/evaluate-model.ts'
export { judgeCrops, runCrops } from './evaluation/judge-crops.ts'
export { marginsOf, measureClassifier } from './evaluation/measure-classifier.ts'
export { planWork } from './experiment/estimate-work.ts'
export {
  type ExperimentConfig,
  type ExperimentConfigInput,
  parseExperimentConfig,
  quickConfig,
} from './experiment/experiment-config.ts'
export type { ExperimentEvent, OnExperimentEvent } from './experiment/experiment-events.ts'
export { readGivenTeachers } from './experiment/given-teachers.ts'
export type { ReportedExperiment } from './experiment/report-experiment.ts'
export { type ExperimentData, type RunExperimentOptions, runExperiment } from './experiment/run-experiment.ts'
export { countLayers, countMultiplyAdds, countParameters } from './networks/count-costs.ts'
export { createNetwork, type NetworkName, networkNames } from './networks/create-network.ts'
export { buildReport } from './report/build/build-report.ts'
export { combineTeachers } from './report/build/combine-teachers.ts'
export { comparePaired, type PairedComparison } from './report/build/compare-models.ts'
export { traceEscapes } from './report/build/trace-escapes.ts'
export { type TrainedNetwork, type TrainNetworkOptions, trainNetwork } from './train-network.ts'
export { createRandom } from './training/random.ts'
export { parseTrainConfig, type TrainConfig, type TrainConfigInput } from './training/train-config.ts'
export type { OnTrainingEvent, TrainingEvent } from './training/training-events.ts'
