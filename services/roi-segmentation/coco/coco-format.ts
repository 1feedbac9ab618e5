/** The parts of a COCO object detection file that are read and written (cocodataset.org/#format-data). */
export interface CocoImage {
  readonly id: number
  readonly file_name: string
  readonly width: number
  readonly height: number
}

export interface CocoAnnotation {
  readonly id: number
  readonly image_id: number
  readonly category_id: number
  /** [x, y, width, height], px. */
  readonly bbox: readonly [number, number, number, number]
  /** Polygons [x0, y0, x1, y1, ...], px, pixel i covering [i, i + 1). */
  readonly segmentation: readonly (readonly number[])[]
  readonly area: number
  readonly iscrowd: 0 | 1
}

export interface CocoCategory {
  readonly id: number
  readonly name: string
  readonly supercategory: string
}

export interface CocoFile {
  readonly images: readonly CocoImage[]
  readonly annotations: readonly CocoAnnotation[]
  readonly categories: readonly CocoCategory[]
}
