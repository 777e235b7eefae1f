import { escapeHtml, pngImage } from '../html.ts';

/** A picture that was drawn. */
export interface DemoResult {
  readonly png: Uint8Array;
  /** What was measured of it. */
  readonly scores: string;
}

/** A reference and what was drawn in its style. */
export interface DemoRow {
  readonly name: string;
  readonly png: Uint8Array;
  /** One for each prompt. */
  readonly results: readonly DemoResult[];
}

/** What the page of `stylear demo` shows. */
export interface DemoPageContent {
  readonly prompts: readonly string[];
  readonly rows: readonly DemoRow[];
  /** Lines on how the pictures were made, and what the scores mean. */
  readonly notes: readonly string[];
}

/** References at the left, prompts as heads of columns. @returns HTML that needs nothing beside it */
export function demoPage({ prompts, rows, notes }: DemoPageContent): string {
  const heads = ['reference', ...prompts].map((head) => `<th>${escapeHtml(head)}</th>`);
  const lines = rows.map(({ name, png, results }) => {
    const reference = cell(png, name, name);
    const drawn = results.map(({ png, scores }, i) =>
      cell(png, `${prompts[i]}, in the style of ${name}`, scores),
    );
    return `<tr>${[reference, ...drawn].join('')}</tr>`;
  });
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>stylear demo</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
th { text-align: left; font-weight: 600; padding: 0 .4em .4em 0 }
td { vertical-align: top; padding: 0 .4em .8em 0 }
td:first-child { padding-right: 1.6em }
td img { display: block; width: 168px }
small { color: #555 }
</style>
<h1>Pictures in the style of pictures</h1>
<table>
<tr>${heads.join('')}</tr>
${lines.join('\n')}
</table>
${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')}
</html>
`;
}

const cell = (png: Uint8Array, alt: string, words: string): string =>
  `<td>${pngImage(png, alt)}<small>${escapeHtml(words)}</small></td>`;
