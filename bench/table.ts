/** Figures as a Markdown table, which a terminal shows as well. */

import type { Peer } from './compare/peer.ts';
import type { Limit } from './limits.ts';

export interface PeerFigure {
  readonly peer: string;
  readonly ms: number | null;
  /** Their time over ours: above 1 we are faster. */
  readonly speedup: number | null;
  /** Why there is no figure. */
  readonly note: string | null;
}

/**
 * @param answer  its seconds, or why there are none
 * @param ours    our seconds
 */
export function peerFigure(peer: Peer | string, answer: number | string, ours: number): PeerFigure {
  const name = typeof peer === 'string' ? '' : peer.name;
  return typeof answer === 'string'
    ? { peer: name, ms: null, speedup: null, note: answer }
    : { peer: name, ms: answer * 1e3, speedup: answer / ours, note: null };
}

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
  readonly peers: readonly PeerFigure[];
  readonly otherCores: number;
}

/** Title, least width and cell of each column. */
export type Columns<Row> = readonly (readonly [string, number, (row: Row) => string])[];

const columns: Columns<Row> = [
  ['op', 28, (r) => r.op],
  ['shape', 40, (r) => r.shape],
  ['dtype', 10, (r) => r.dtype],
  ['ms', 9, (r) => digits(r.ms)],
  ['rate', 12, (r) => `${digits(r.rate)} ${r.limit === 'read' ? 'GB/s' : 'GF/s'}`],
  ['limit', 8, (r) => digits(r.limitRate)],
  ['share', 6, (r) => r.share.toFixed(2)],
  ['bar', 5, (r) => (r.bar === null ? '' : r.bar.toFixed(2))],
  ['peer', 22, (r) => measured(r, ({ peer }) => peer.split(/[ -]/, 1)[0] ?? peer)],
  ['peer ms', 10, (r) => measured(r, ({ ms }) => digits(ms))],
  ['x peer', 11, (r) => measured(r, ({ speedup }) => speedup.toFixed(2))],
  ['others', 6, (r) => r.otherCores.toFixed(2)],
];

export const table = (rows: readonly Row[], heading: boolean): string =>
  tableOf(columns, rows, heading);

/** Rows as a table, with or without the heading above them. */
export function tableOf<Row>(
  columns: Columns<Row>,
  rows: readonly Row[],
  heading: boolean,
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const lines = rows.map((row) => line(columns.map(([, width, cell]) => cell(row).padEnd(width))));
  if (!heading) return lines.join('\n');
  const titles = line(columns.map(([title, width]) => title.padEnd(width)));
  const rule = line(columns.map(([, width]) => '-'.repeat(width)));
  return [titles, rule, ...lines].join('\n');
}

interface Measured extends PeerFigure {
  readonly ms: number;
  readonly speedup: number;
}

function measured(row: Row, cell: (figure: Measured) => string): string {
  const figures = row.peers.filter((f): f is Measured => f.ms !== null && f.speedup !== null);
  return figures.map(cell).join(' / ');
}

/** Three digits that count. */
export const digits = (value: number): string => String(Number(value.toPrecision(3)));
