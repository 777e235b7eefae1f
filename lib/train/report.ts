// A training as one HTML page that needs nothing beside it: a curve for each figure, and pictures.
import { escapeHtml, pngImage } from '../html.ts';
import type { TrainingStep } from './loop.ts';
import { figuresOf } from './step_log.ts';

/** Pictures that were made at a step, side by side in one. */
export interface SampleSheet {
  readonly step: number;
  /** What it shows. */
  readonly caption: string;
  readonly png: Uint8Array;
}

/** What the page of a training shows. */
export interface ReportContent {
  readonly title: string;
  readonly steps: readonly TrainingStep[];
  readonly sheets?: readonly SampleSheet[] | undefined;
}

interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

const [width, height, margin] = [560, 220, 46];

/** The most points of a curve: each is the mean of as many neighbours as that takes. */
const mostPoints = 400;

/** @returns HTML with SVG and pictures in it, and no script */
export function reportPage({ title, steps, sheets = [] }: ReportContent): string {
  const last = steps.at(-1);
  const summary = last
    ? `step ${last.step}, epoch ${last.epoch.toFixed(2)}, loss ${last.loss.toPrecision(4)}, ` +
      `${steps.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0)} s of steps`
    : 'no step yet';
  const figures = curvesOf(steps).map((curve) => {
    return `<figure><figcaption>${escapeHtml(curve.name)}</figcaption>${chart(curve)}</figure>`;
  });
  const pictures = sheets.map(({ step, caption, png }) => {
    const words = `step ${step}: ${caption}`;
    return `<figure><figcaption>${escapeHtml(words)}</figcaption>${pngImage(png, words)}</figure>`;
  });
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
main { display: flex; flex-wrap: wrap; gap: 1.5em }
figure { margin: 0 } figcaption { font-weight: 600; margin-bottom: .3em }
img { max-width: 100%; image-rendering: pixelated }
text { font-size: 11px; fill: #555 }
</style>
<h1>${escapeHtml(title)}</h1><p>${summary}</p>
<main>
${[...figures, ...pictures].join('\n')}
</main></html>
`;
}

/** The loss first, then what else was measured, by name. */
function curvesOf(steps: readonly TrainingStep[]): Curve[] {
  const points = new Map<string, [number, number][]>();
  for (const step of steps)
    for (const [name, value] of Object.entries(figuresOf(step))) {
      const own = points.get(name) ?? [];
      own.push([step.step, value]);
      points.set(name, own);
    }
  return Array.from(points, ([name, points]) => ({ name, points: thinned(points) }));
}

function thinned(points: readonly (readonly [number, number])[]): [number, number][] {
  const group = Math.ceil(points.length / mostPoints);
  const means: [number, number][] = [];
  for (let at = 0; at < points.length; at += group) {
    const own = points.slice(at, at + group);
    const mean = own.reduce((sum, [, value]) => sum + value, 0) / own.length;
    means.push([own.at(-1)![0], mean]);
  }
  return means;
}

function chart({ points }: Curve): string {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  const [steps, values] = [finite.map(([step]) => step), finite.map(([, value]) => value)];
  const [left, right] = [Math.min(...steps), Math.max(...steps)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (step: number) => margin + ((step - left) / (right - left || 1)) * (width - 2 * margin);
  const y = (value: number) =>
    height - margin / 2 - ((value - low) / (high - low || 1)) * (height - margin);
  const path = finite.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`);
  const text = (at: string, words: string) => `<text ${at}>${words}</text>`;
  return [
    `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<path d="M${margin},${margin / 2}V${height - margin / 2}H${width - margin}" fill="none" stroke="#bbb"/>`,
    `<polyline points="${path.join(' ')}" fill="none" stroke="#1f5fbf" stroke-width="1.5"/>`,
    text(`x="${margin - 4}" y="${margin / 2 + 4}" text-anchor="end"`, high.toPrecision(3)),
    text(`x="${margin - 4}" y="${height - margin / 2}" text-anchor="end"`, low.toPrecision(3)),
    text(`x="${margin}" y="${height - 6}"`, `${left}`),
    text(`x="${width - margin}" y="${height - 6}" text-anchor="end"`, `${right}`),
    '</svg>',
  ].join('');
}
