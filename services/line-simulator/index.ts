export {
  type CropVariety,
  type SimulateCropsOptions,
  type SimulatedCrops,
  simulateCrops,
} from './crops/simulate-crops.ts'
export { type Fault, type FaultName, faultNames, parseFault } from './faults.ts'
export {
  createSimulatedLine,
  type LineCounters,
  type SimulatedLine,
  type SimulatedLineOptions,
  type SimulatedStrip,
} from './live/simulated-line.ts'
export { nameRun, type StreamedLine, type StreamLineOptions, streamLine } from './live/stream-line.ts'
export { type ReferenceKind, referenceGray, renderReference } from './render/render-reference.ts'
export { createLineRenderer, type LineRenderer } from './render/render-rows.ts'
export {
  defaultLine,
  type LineSettings,
  type LineSettingsInput,
  resolveLineSettings,
  wideLine,
} from './settings.ts'
export { type SimulatedRecording, type SimulateRecordingOptions, simulateRecording } from './simulate-recording.ts'
export { type SimulateReferenceOptions, simulateReference } from './simulate-reference.ts'
export { matchTruth, type PelletBoxes, type TruthMatch } from './truth/match-truth.ts'
export { type PelletTruth, pelletTruth, type SpeckTruth } from './truth/pellet-truth.ts'
