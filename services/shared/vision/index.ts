export {
  addToSamples,
  type BedSurface,
  createGraySamples,
  fitBedSurface,
  type GraySamples,
  levelBed,
} from './bed-surface.ts'
export { addToEdgeProfile, createEdgeProfile, type EdgeProfile, meanSteps } from './edge-profile.ts'
export {
  estimateLight,
  type LightEstimate,
  type LightOptions,
  otsuThreshold,
  type Polarity,
  thresholdCandidates,
} from './estimate-light.ts'
export { cropScaleFor, estimateMedianArea, estimateSize, type SizeEstimate } from './estimate-size.ts'
export { type ComponentSummary, findComponents, looksSingle } from './find-components.ts'
export {
  addToHistogram,
  createGrayHistogram,
  fadeHistogram,
  type GrayHistogram,
  histogramTotal,
} from './gray-histogram.ts'
export { invertGray } from './invert-gray.ts'
