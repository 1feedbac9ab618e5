import type { ExperimentReport } from './experiment-report.ts'
import type { Figure } from './figures/figure.ts'
import { type Html, html, trustedMarkup } from './html.ts'
import { pageStyle } from './page-style.ts'
import { type Block, isFigure, type Section } from './section.ts'

/** The whole document; figures that the paper has keep its numbers, the others are lettered in order. */
export function renderPage(report: ExperimentReport, verdict: readonly string[], sections: readonly Section[]): string {
  const letters = letterFigures(sections)
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"/>
<title>${report.title}</title>
<style>${trustedMarkup(pageStyle)}</style>
</head>
<body>
<main>
<header>
<h1>${report.title}</h1>
<p class="subtitle">Multi-teacher distillation of a light residual network, after “light residual network by multi-teacher knowledge distillation for high-speed plastic pellet inspection”</p>
<div class="verdict">${verdict.map((sentence) => html`<p>${sentence}</p>\n`)}</div>
<nav aria-label="Contents">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>\n`)}</nav>
</header>
${sections.map((section) => renderSection(section, letters))}<footer>All numbers of this page are in report.json, every figure as SVG in figures/. Intervals are 95 % throughout.</footer>
</main>
</body>
</html>
`
  return page.markup
}

function letterFigures(sections: readonly Section[]): ReadonlyMap<string, string> {
  const own = sections
    .flatMap(({ blocks }) => blocks.filter(isFigure))
    .filter(({ paperNumber }) => paperNumber === undefined)
  return new Map(own.map(({ name }, i) => [name, String.fromCharCode(65 + i)]))
}

function renderSection({ id, title, blocks }: Section, letters: ReadonlyMap<string, string>): Html {
  return html`<section id="${id}">
<h2>${title}</h2>
${blocks.map((block) => renderBlock(block, letters))}</section>
`
}

function renderBlock(block: Block, letters: ReadonlyMap<string, string>): Html {
  if (!isFigure(block)) return block
  const number = block.paperNumber ?? letters.get(block.name)
  return html`<figure id="${block.name}"><div class="plot">${trustedMarkup(inlineSvg(block))}</div>
<figcaption><b>Figure ${number}. ${block.title}.</b> ${block.caption}</figcaption></figure>
`
}

/** HTML knows SVG's elements without their namespace. */
function inlineSvg({ svg }: Figure): string {
  return svg.replace(/ xmlns(:xlink)?="[^"]*"/g, '')
}
