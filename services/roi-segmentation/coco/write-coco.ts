import type { ImagePellet } from '../list-image-pellets.ts'
import type { CocoAnnotation, CocoCategory, CocoFile, CocoImage } from './coco-format.ts'

export interface CocoSource {
  readonly fileName: string
  readonly width: number
  readonly height: number
  readonly pellets: readonly ImagePellet[]
  /** Category of each pellet, an index into `categories`; default: all 0. */
  readonly categoryOf?: (pellet: ImagePellet, index: number) => number
}

/**
 * The pellets of images as COCO: ids from 1, one annotation per pellet, its outline's rings as polygons over pixel corners, area in
 * pixels of the pellet, box as [x, y, width, height], iscrowd 0. Categories get ids from 1 in the order given.
 */
export function cocoOfPellets(sources: readonly CocoSource[], categories: readonly string[] = ['pellet']): CocoFile {
  const images: CocoImage[] = []
  const annotations: CocoAnnotation[] = []
  for (const source of sources) {
    const imageId = images.length + 1
    images.push({ id: imageId, file_name: source.fileName, width: source.width, height: source.height })
    for (const [index, pellet] of source.pellets.entries()) {
      annotations.push({
        id: annotations.length + 1,
        image_id: imageId,
        category_id: (source.categoryOf?.(pellet, index) ?? 0) + 1,
        bbox: [pellet.x, pellet.y, pellet.width, pellet.height],
        segmentation: pellet.outline.map((ring) => Array.from(ring)),
        area: pellet.areaPx,
        iscrowd: 0,
      })
    }
  }
  const named: CocoCategory[] = categories.map((name, i) => ({ id: i + 1, name, supercategory: 'pellet' }))
  return { images, annotations, categories: named }
}
