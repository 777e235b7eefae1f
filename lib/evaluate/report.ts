// An evaluation as one HTML page that needs nothing beside it: tables, and pictures side by side.
import type { Figure } from './figures.ts';
import { type Figures, type Measure, measures } from './measures.ts';
import { type OutsideFigures, type OutsideMeasure, outsideMeasures } from './outside_measures.ts';

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

/** What results in the style of a picture from outside, or of all of them, come to. */
export interface ReferenceRow {
  /** Undefined for what no model drew. */
  readonly model: string | undefined;
  readonly variant: string;
  /** Undefined for all of them together. */
  readonly reference: string | undefined;
  readonly figures: OutsideFigures;
}

/** All that an evaluation came to, as `report.json` has it beside the config. */
export interface EvaluationResult {
  /** The hash of the weights of each model, by its name. */
  readonly models: Readonly<Record<string, string>>;
  /** The hash of the CLIP whose similarities are shown, where there is one. */
  readonly clip?: string | undefined;
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
  const { models, clip, rows, reconstructions, references } = result;
  const shown = shownMeasures(measures, rows);
  const split = (name: string) =>
    section(
      name,
      table(
        ['model', 'variant', 'pictures', ...shown.map((measure) => names[measure])],
        rows
          .filter((row) => row.split === name)
          .map(({ model, variant, figures }) => [
            ...[model ?? '', variant, ...writtenFigures(shown, figures)],
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
    .join('; ')}${clip === undefined ? '' : `; CLIP: weights ${escaped(clip)}`}</p>
${rows.length ? `<p>${intervals} over styles. ${legend(shown, measures)}</p>` : ''}
${[...new Set(rows.map((row) => row.split))].map(split).join('\n')}
${reconstructions.length ? section('VQGAN', reconstructionTable(reconstructions)) : ''}
${references.length ? section('Pictures from outside', referenceTables(references)) : ''}
${sheets.map(figure).join('\n')}
</html>
`;
}

const names: Readonly<Record<Measure | OutsideMeasure, string>> = {
  style: 'style',
  subject: 'subject',
  leakage: 'leakage',
  trace: 'trace',
  palette: 'palette',
  clipText: 'CLIP-T',
  clipImage: 'CLIP-I',
  harmonic: 'harmonic mean',
  clipChoice: 'own by CLIP-I',
  otherPalette: 'palette to others',
  paletteChoice: 'own by palette',
};

const shares: readonly AnyMeasure[] = [
  ...(['style', 'subject', 'leakage', 'trace'] as const),
  ...(['clipChoice', 'paletteChoice'] as const),
];

type AnyMeasure = keyof typeof names;
type AnyFigures = Readonly<Partial<Record<AnyMeasure, Figure>>>;

const intervals = 'Means with 95 % confidence intervals by the bootstrap';

/** Those of the measures that one of the rows has. */
const shownMeasures = <Name extends AnyMeasure>(
  all: Readonly<Record<Name, string>>,
  rows: readonly { readonly figures: AnyFigures }[],
): Name[] =>
  (Object.keys(all) as Name[]).filter((name) => rows.some(({ figures }) => figures[name]));

const legend = <Name extends AnyMeasure>(
  shown: readonly Name[],
  says: Readonly<Record<Name, string>>,
): string => shown.map((name) => `<b>${names[name]}</b>: ${escaped(says[name])}.`).join(' ');

/** How many pictures there are, and each figure. */
const writtenFigures = (shown: readonly AnyMeasure[], figures: AnyFigures): string[] => [
  `${Math.max(...Object.values(figures).map(({ count }) => count))}`,
  ...shown.map((measure) => written(measure, figures[measure])),
];

function written(measure: AnyMeasure, figure: Figure | undefined): string {
  if (!figure) return '';
  const number = (value: number) => (shares.includes(measure) ? percent(value) : value.toFixed(3));
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

/** All references together, then each; what the paper measures beside is named. */
function referenceTables(rows: readonly ReferenceRow[]): string {
  const shown = shownMeasures(outsideMeasures, rows);
  const head = ['pictures', ...shown.map((measure) => names[measure])];
  const of = (name: string | undefined) => rows.filter(({ reference }) => reference === name);
  const together = of(undefined);
  // What a reference comes to with one variant and another stands side by side.
  const each = [...new Set(rows.map(({ reference }) => reference))]
    .filter((name) => name !== undefined)
    .flatMap(of);
  const summary = table(
    ['model', 'variant', ...head],
    together.map(({ model, variant, figures }) => [
      ...[model ?? '', variant, ...writtenFigures(shown, figures)],
    ]),
  );
  const single = table(
    ['reference', 'model', 'variant', ...head],
    each.map(({ reference, model, variant, figures }) => [
      ...[reference!, model ?? '', variant, ...writtenFigures(shown, figures)],
    ]),
  );
  return `<p>${intervals} over references, of a single one over prompts. ${legend(shown, outsideMeasures)}
The similarities by DINO, which the paper measures too, and by CSD are not measured: these networks are no part of the package.</p>
${together.length ? summary : ''}${single}`;
}

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
