export { type SegmentationOptions, segmentationOptionsSchema } from './config.ts'
export { createRoiSegmentation, type RoiSegmentation, type RoiSegmentationOptions } from './create-roi-segmentation.ts'
export { createSegmenter } from './kernel/create-segmenter.ts'
export {
  type ImagePellet,
  type SegmentedImage,
  type SegmentImageOptions,
  segmentImage,
} from './segment-image.ts'
