/** Figures as a Markdown table, which a terminal shows as well. */

import type { Limit } from './limits.ts';

export interface Row {
  readonly op: string;
  readonly shape: string;
  readonly dtype: string;
  /** Median time of one call. */
  readonly ms: number;
  /** GFLOP/s or GB/s. */
  readonly rate: number;
  readonly limit: Limit;
  readonly limitRate: number;
  /** rate / limitRate */
  readonly share: number;
  readonly bar: number | null;
  readonly peerMs: number | null;
  /** peerMs / ms: above 1 we are faster. */
  readonly speedup: number | null;
  /** Why there is no peer figure. */
  readonly peerNote: string | null;
  readonly otherCores: number;
}

const columns: readonly (readonly [string, number, (row: Row) => string])[] = [
  ['op', 28, (r) => r.op],
  ['shape', 40, (r) => r.shape],
  ['dtype', 10, (r) => r.dtype],
  ['ms', 9, (r) => digits(r.ms)],
  ['rate', 12, (r) => `${digits(r.rate)} ${r.limit === 'read' ? 'GB/s' : 'GF/s'}`],
  ['limit', 8, (r) => digits(r.limitRate)],
  ['share', 6, (r) => r.share.toFixed(2)],
  ['bar', 5, (r) => (r.bar === null ? '' : r.bar.toFixed(2))],
  ['peer ms', 9, (r) => (r.peerMs === null ? '' : digits(r.peerMs))],
  ['x peer', 7, (r) => (r.speedup === null ? '' : r.speedup.toFixed(2))],
  ['others', 6, (r) => r.otherCores.toFixed(2)],
];

export function table(rows: readonly Row[], heading: boolean): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const lines = rows.map((row) => line(columns.map(([, width, cell]) => cell(row).padEnd(width))));
  if (!heading) return lines.join('\n');
  const titles = line(columns.map(([title, width]) => title.padEnd(width)));
  const rule = line(columns.map(([, width]) => '-'.repeat(width)));
  return [titles, rule, ...lines].join('\n');
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));
