import { parseXml, XmlElement } from '@rgrove/parse-xml'

/** A page of a listing (ListObjectsV2). */
export interface ListingPage {
  /** ETag, which changes with the bytes, by key. */
  readonly etags: ReadonlyMap<string, string>
  /** Asks for the next page; undefined on the last one. */
  readonly next: string | undefined
}

/** What a server says of a request that it refuses. */
export interface S3Refusal {
  /** `NoSuchKey`, `AccessDenied` and so on; empty where the answer does not say. */
  readonly code: string
  readonly message: string
  /** Region in which the bucket lies; empty where the answer does not say. */
  readonly region: string
}

/** Elements of that name below an element. */
function children(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((child) => child instanceof XmlElement && child.name === name) as XmlElement[]
}

function textOf(parent: XmlElement, name: string): string {
  return children(parent, name)[0]?.text ?? ''
}

/** Root of a document of that name; undefined where the text is not one. Entities of a document's own are not expanded. */
function rootOf(text: string, name: string): XmlElement | undefined {
  try {
    const { root } = parseXml(text)
    return root?.name === name ? root : undefined
  } catch {
    return undefined
  }
}

/** Reads an answer to ListObjectsV2; undefined where it is something else. */
export function readListingPage(text: string): ListingPage | undefined {
  const root = rootOf(text, 'ListBucketResult')
  if (root === undefined) return undefined
  const etags = new Map(children(root, 'Contents').map((entry) => [textOf(entry, 'Key'), textOf(entry, 'ETag')]))
  const next = textOf(root, 'NextContinuationToken')
  return { etags, next: textOf(root, 'IsTruncated') === 'true' && next !== '' ? next : undefined }
}

/** Reads an error's answer; undefined where it is something else. */
export function readRefusal(text: string): S3Refusal | undefined {
  const root = rootOf(text, 'Error')
  if (root === undefined) return undefined
  return { code: textOf(root, 'Code'), message: textOf(root, 'Message'), region: textOf(root, 'Region') }
}
