/** An import of a file: what it names, and on which line (from 1). */
export interface Import {
  readonly specifier: string
  readonly line: number
}

const regexMayFollow = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|of|in|yield|await|throw|else|do))$/

/** End of the quoted text that starts at `start`. */
function skipQuoted(source: string, start: number): number {
  const quote = source[start]
  let at = start + 1
  while (at < source.length && source[at] !== quote) at += source[at] === '\\' ? 2 : 1
  return at + 1
}

/** End of the regular expression that starts at `start`; a slash within a class does not end it. */
function skipRegex(source: string, start: number): number {
  let inClass = false
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1
    else if (source[at] === '[') inClass = true
    else if (source[at] === ']') inClass = false
    else if (source[at] === '/' && !inClass) return at + 1
    else if (source[at] === '\n') return at
  }
  return source.length
}

const blank = (text: string) => text.replace(/[^\n]/g, ' ')

/**
 * The code of a TypeScript file without its comments, regular expressions and template texts (blanked, so that lines
 * keep their numbers); quoted strings stay, since imports are made of them. A tokenizer of what matters here, no parser:
 * code within `${}` of a template is blanked as well.
 */
export function stripComments(source: string): string {
  let code = ''
  let at = 0
  while (at < source.length) {
    const two = source.slice(at, at + 2)
    const character = source[at] as string
    let end = at + 1
    let keep = true
    if (two === '//') {
      end = source.indexOf('\n', at)
      keep = false
    } else if (two === '/*') {
      end = source.indexOf('*/', at + 2) + 2
      keep = false
      if (end === 1) end = source.length
    } else if (character === "'" || character === '"') end = skipQuoted(source, at)
    else if (character === '`') {
      end = skipQuoted(source, at)
      keep = false
    } else if (character === '/' && regexMayFollow.test(code.trimEnd())) {
      end = skipRegex(source, at)
      keep = false
    }
    if (end < at + 1) end = source.length
    const text = source.slice(at, end)
    code += keep ? text : blank(text)
    at = end
  }
  return code
}

const importForms = [
  // import x from '', import { x } from '', import type ... from '', export { x } from '', export * from ''
  /\b(?:import|export)\s+(?:type\s+)?[\w\s{},*$]*?\bfrom\s*(['"])(?<specifier>[^'"]+)\1/g,
  // import ''
  /\bimport\s*(['"])(?<specifier>[^'"]+)\1/g,
  // import(''), require(''), require.resolve(''), import.meta.resolve('')
  /\b(?:import|require|resolve)\s*\(\s*(['"])(?<specifier>[^'"]+)\1/g,
  // new Worker(new URL('./worker.ts', import.meta.url))
  /\bnew\s+URL\s*\(\s*(['"])(?<specifier>[^'"]+\.[cm]?[jt]s)\1\s*,\s*import\.meta\.url/g,
]

/** All imports of a file in any form: static, type-only, re-exported, dynamic, and the files that workers start with. */
export function readImports(source: string): Import[] {
  const code = stripComments(source)
  return importForms.flatMap((form) =>
    [...code.matchAll(form)].map(({ index, groups: { specifier = '' } = {} }) => ({
      specifier,
      line: code.slice(0, index).split('\n').length,
    })),
  )
}
