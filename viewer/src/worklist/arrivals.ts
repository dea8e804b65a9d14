/** How a freshly asked first page meets the rows already on the screen. */
import type { StudyRow } from '../app/wire';

export interface Meeting {
  /** The rows on the screen, in their places, with their values brought up to date. */
  readonly rows: StudyRow[];
  /** Studies of the page that the screen does not have, in the page's order. */
  readonly arrivals: StudyRow[];
}

export function meet(rows: readonly StudyRow[], page: readonly StudyRow[]): Meeting {
  const fresh = new Map(page.map((row) => [row.study_instance_uid, row]));
  const shown = new Set(rows.map((row) => row.study_instance_uid));
  return {
    rows: rows.map((row) => fresh.get(row.study_instance_uid) ?? row),
    arrivals: page.filter((row) => !shown.has(row.study_instance_uid)),
  };
}

/** Puts arrivals where the page has them: before the first row that follows them there, else at the end. */
export function settle(rows: readonly StudyRow[], arrivals: readonly StudyRow[], page: readonly StudyRow[]): StudyRow[] {
  const arriving = new Set(arrivals.map((row) => row.study_instance_uid));
  const settled = [...rows];
  for (let i = page.length - 1; i >= 0; i--) {
    const row = page[i]!;
    if (!arriving.has(row.study_instance_uid)) continue;
    const next = page[i + 1];
    const before = next ? settled.findIndex((other) => other.study_instance_uid === next.study_instance_uid) : -1;
    settled.splice(before < 0 ? lastOfPage(settled, page) : before, 0, row);
  }
  return settled;
}

/** Where the page ends among the rows: what follows came from later pages. */
function lastOfPage(rows: readonly StudyRow[], page: readonly StudyRow[]): number {
  const uids = new Set(page.map((row) => row.study_instance_uid));
  return rows.findLastIndex((row) => uids.has(row.study_instance_uid)) + 1;
}
