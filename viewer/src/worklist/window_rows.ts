/** Which rows of a long list need to exist, so that the page stays as small as the screen. */

export interface Measures {
  readonly count: number;
  readonly rowHeight: number;
  /** The row that is open and how much higher it makes the list; -1 and 0 when none is. */
  readonly openIndex: number;
  readonly openHeight: number;
}

export interface RowWindow {
  readonly first: number;
  /** Not included. */
  readonly end: number;
  /** Empty space standing for the rows before and after, in pixels. */
  readonly before: number;
  readonly after: number;
}

const SPARE_ROWS = 12;

export function rowWindow(measures: Measures, scrollTop: number, viewHeight: number): RowWindow {
  const { count } = measures;
  const first = Math.max(0, rowAt(measures, scrollTop) - SPARE_ROWS);
  const end = Math.min(count, rowAt(measures, scrollTop + viewHeight) + 1 + SPARE_ROWS);
  return { first, end, before: topOf(measures, first), after: topOf(measures, count) - topOf(measures, end) };
}

/** Where a row begins, in pixels from the top of the list. */
export function topOf({ rowHeight, openIndex, openHeight }: Measures, index: number): number {
  return index * rowHeight + (openIndex >= 0 && index > openIndex ? openHeight : 0);
}

function rowAt(measures: Measures, y: number): number {
  const { rowHeight, openIndex, openHeight } = measures;
  const flat = Math.floor(y / rowHeight);
  if (openIndex < 0 || flat <= openIndex) return flat;
  return Math.max(openIndex, Math.floor((y - openHeight) / rowHeight));
}
