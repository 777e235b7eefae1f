// An evaluation as one HTML page that needs nothing beside it: tables, and pictures side by side.
import type { Figure } from './figures.ts';
import { type Figures, type Measure, measures } from './measures.ts';

/** A line of the table: how a model, or none, was asked. */
export interface EvaluatedRow {
  readonly split: string;
  /** Undefined for what no model drew. */
  readonly model: string | undefined;
  readonly variant: string;
  readonly figures: Figures;
}

/** What a VQGAN gives back of held-out drawings of one kind. */
export interface ReconstructionRow {
  readonly model: string;
  readonly kind: string;
  readonly pictures: number;
  /** Means: decibels, and at most 1. */
  readonly psnr: number;
  readonly ssim: number;
  /** Shares that the classifier names right, of the drawings and of what came back. */
  readonly namedBefore: number;
  readonly namedAfter: number;
}

/** A picture from outside, and how near to its colours the results are. */
export interface ReferenceRow {
  readonly model: string;
  readonly reference: string;
  readonly ownPalette: number;
  /** Mean over the other references. */
  readonly otherPalette: number;
  /** The share of results whose colours are closer to it than to another of the references. */
  readonly choice: number;
}

/** All that an evaluation came to, as `report.json` has it beside the config. */
export interface EvaluationResult {
  /** The hash of the weights of each model, by its name. */
  readonly models: Readonly<Record<string, string>>;
  readonly rows: readonly EvaluatedRow[];
  readonly reconstructions: readonly ReconstructionRow[];
  readonly references: readonly ReferenceRow[];
}

/** Pictures side by side, and what they are. */
export interface Sheet {
  readonly title: string;
  /** What stands in its rows and columns. */
  readonly caption: string;
  readonly png: Uint8Array;
}

/** @returns HTML with tables and pictures in it, and no script */
export function evaluationPage(result: EvaluationResult, sheets: readonly Sheet[]): string {
  const { models, rows, reconstructions, references } = result;
  const shown = (Object.keys(measures) as Measure[]).filter((measure) =>
    rows.some(({ figures }) => figures[measure]),
  );
  const split = (name: string) =>
    section(
      name,
      table(
        ['model', 'variant', 'pictures', ...shown.map((measure) => names[measure])],
        rows
          .filter((row) => row.split === name)
          .map(({ model, variant, figures }) => [
            model ?? '',
            variant,
            `${Math.max(...Object.values(figures).map(({ count }) => count))}`,
            ...shown.map((measure) => written(measure, figures[measure])),
          ]),
      ),
    );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Evaluation</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
table { border-collapse: collapse; margin: .5em 0 1.5em } th, td { padding: .3em .8em; text-align: left }
th { border-bottom: 2px solid #444 } td { border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums }
figure { margin: 0 0 2em } figcaption { margin: .3em 0; color: #555; max-width: 70em }
img { max-width: 100%; image-rendering: pixelated } small { color: #777 }
</style>
<h1>Evaluation</h1>
<p>${Object.entries(models)
    .map(([name, hash]) => `${escaped(name)}: weights ${escaped(hash)}`)
    .join('; ')}</p>
<p>Means with 95 % confidence intervals by the bootstrap over styles. ${shown
    .map((measure) => `<b>${names[measure]}</b>: ${escaped(measures[measure])}.`)
    .join(' ')}</p>
${[...new Set(rows.map((row) => row.split))].map(split).join('\n')}
${reconstructions.length ? section('VQGAN', reconstructionTable(reconstructions)) : ''}
${references.length ? section('Pictures from outside', referenceTable(references)) : ''}
${sheets.map(figure).join('\n')}
</html>
`;
}

const names: Readonly<Record<Measure, string>> = {
  style: 'style',
  subject: 'subject',
  leakage: 'leakage',
  trace: 'trace',
  palette: 'palette',
  clipText: 'CLIP-T',
  clipImage: 'CLIP-I',
};

const isShare = (measure: Measure): boolean =>
  ['style', 'subject', 'leakage', 'trace'].includes(measure);

function written(measure: Measure, figure: Figure | undefined): string {
  if (!figure) return '';
  const number = (value: number) => (isShare(measure) ? percent(value) : value.toFixed(3));
  return `${number(figure.mean)} <small>${number(figure.low)} to ${number(figure.high)}</small>`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const reconstructionTable = (rows: readonly ReconstructionRow[]): string =>
  table(
    ['model', 'drawings', 'pictures', 'PSNR', 'SSIM', 'subject before', 'subject after'],
    rows.map(({ model, kind, pictures, psnr, ssim, namedBefore, namedAfter }) => [
      ...[model, kind, `${pictures}`, `${psnr.toFixed(2)} dB`, ssim.toFixed(3)],
      ...[percent(namedBefore), percent(namedAfter)],
    ]),
  );

const referenceTable = (rows: readonly ReferenceRow[]): string =>
  table(
    ['model', 'reference', 'palette to it', 'to the others', 'closer to it'],
    rows.map(({ model, reference, ownPalette, otherPalette, choice }) => [
      ...[model, reference, ownPalette.toFixed(3), otherPalette.toFixed(3), percent(choice)],
    ]),
  );

/** @param rows  cells as HTML where they have a figure, else text without marks */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${cell.includes('<small>') ? cell : escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`;
}

const section = (title: string, body: string): string => `<h2>${escaped(title)}</h2>${body}`;

function figure({ title, caption, png }: Sheet): string {
  const data = Buffer.from(png).toString('base64');
  return `<figure><h2>${escaped(title)}</h2><figcaption>${escaped(caption)}</figcaption><img alt="${escaped(title)}" src="data:image/png;base64,${data}"></figure>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

const escaped = (text: string): string => text.replace(/[&<>"]/g, (letter) => entities[letter]!);
