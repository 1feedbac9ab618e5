/** An element as it was opened. */
export interface MarkupElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
}

const prologue = /\s*(?:<!doctype html>|<\?xml[^>]*\?>)?/iy
const opening = /<([A-Za-z][\w:.-]*)/y
const attribute = /\s+([A-Za-z_][\w:.-]*)="([^"<]*)"/y
const openingEnd = /\s*(\/?)>/y
const closing = /<\/([A-Za-z][\w:.-]*)>/y
const strayAmpersand = /&(?!(?:amp|lt|gt|quot|#\d+|#x[\da-f]+);)/i

/**
 * All elements of a document in order, read as strictly as XML: every element closed in its order or in itself, attributes
 * quoted and given once, entities known. Throws with the place of the first fault. The text of `style` is not read.
 */
export function readMarkup(document: string): MarkupElement[] {
  const elements: MarkupElement[] = []
  const open: string[] = []
  let at = 0
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at
    const found = pattern.exec(document)
    if (found) at += found[0].length
    return found
  }
  const check = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`${what} at ${at}: ${document.slice(Math.max(0, at - 60), at + 60)}`)
  }
  take(prologue)
  while (at < document.length) {
    const next = document.indexOf('<', at)
    const text = document.slice(at, next < 0 ? undefined : next)
    check(open.at(-1) === 'style' || !strayAmpersand.test(text), 'a stray ampersand')
    check(open.length > 0 || text.trim() === '', 'text outside of the document')
    at += text.length
    if (next < 0) break
    const end = take(closing)
    if (end) {
      check(open.pop() === end[1], `</${end[1]}> closes nothing`)
      continue
    }
    const start = take(opening)
    check(start !== null, 'a bare <')
    const attributes = new Map<string, string>()
    for (let found = take(attribute); found; found = take(attribute)) {
      check(!attributes.has(found[1]!), `attribute ${found[1]} twice`)
      check(!strayAmpersand.test(found[2]!), `a stray ampersand in ${found[1]}`)
      attributes.set(found[1]!, found[2]!)
    }
    const ended = take(openingEnd)
    check(ended !== null, `<${start![1]}> does not end`)
    elements.push({ name: start![1]!, attributes })
    if (ended![1] === '') open.push(start![1]!)
  }
  check(open.length === 0, `<${open.join('> <')}> stays open`)
  return elements
}
