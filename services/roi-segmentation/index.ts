export type { CocoAnnotation, CocoFile } from './coco/coco-format.ts'
export {
  type EvaluateSegmentationOptions,
  evaluateSegmentation,
  type ImageEvaluation,
  type SegmentationEvaluation,
} from './coco/evaluate-segmentation.ts'
export { type CocoSource, cocoOfPellets } from './coco/write-coco.ts'
export { type SegmentationOptions, segmentationOptionsSchema } from './config.ts'
export { createRoiSegmentation, type RoiSegmentation, type RoiSegmentationOptions } from './create-roi-segmentation.ts'
export { createSegmenter } from './kernel/create-segmenter.ts'
export type { ImagePellet, ImageSpeck } from './list-image-pellets.ts'
export {
  type GrayImage,
  type SegmentedImage,
  type SegmentImageOptions,
  segmentImage,
} from './segment-image.ts'
export { serveRoiSegmentation } from './serve-roi-segmentation.ts'
