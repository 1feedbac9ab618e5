/** Markup that needs no more escaping. Only `html` and `trustedMarkup` make it. */
export interface Html {
  readonly markup: string
}

/** What a template takes: text is escaped, markup is not, lists are joined, nothing shows for null, undefined and false. */
export type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[]

/** A template whose values are escaped unless they are markup themselves. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = strings[0]!
  for (const [i, value] of values.entries()) markup += render(value) + strings[i + 1]!
  return { markup }
}

/** Markup made elsewhere that is known to be well-formed and escaped, such as the SVG of a plot. */
export function trustedMarkup(markup: string): Html {
  return { markup }
}

/** Text as it may stand in an element or in an attribute in double quotes. Control characters that XML forbids are dropped. */
export function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to drop
  const printable = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
  return printable.replace(/[&<>"']/g, (character) => entities[character]!)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function render(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return ''
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'number') return escapeText(String(value))
  if (isList(value)) return value.map(render).join('')
  return value.markup
}

function isList(value: Html | readonly HtmlValue[]): value is readonly HtmlValue[] {
  return Array.isArray(value)
}
