/** The order in which the frames of a series are scrolled. */
import { dot, normalOf, type PlaneOrientation, type Vector } from './orientation';

export interface Sortable {
  readonly instanceNumber: number | null;
  readonly frameNumber: number;
  readonly sopInstanceUid: string;
  readonly position: Vector | null;
  readonly orientation: PlaneOrientation | null;
}

/** Direction cosines are written with few digits; this is about half a degree. */
const SAME_DIRECTION = 0.01;
/** Two slices closer than this are one place, in millimetres. */
const SAME_PLACE_MM = 0.01;

/**
 * Along the normal of the slices when all share one orientation and have a position, else by number.
 *
 * The end where the machine began comes first. Where a place was imaged several times (diffusion,
 * dynamic, cardiac), whole passes follow one another, unless the machine finished each place first.
 */
export function sortFrames<T extends Sortable>(frames: readonly T[]): T[] {
  const numbered = [...frames].sort(byNumber);
  const normal = commonNormal(numbered);
  if (!normal || numbered.length < 2) return numbered;
  const depths = numbered.map((frame) => dot(frame.position!, normal));
  const direction = isFalling(depths) ? -1 : 1;
  const passes = passNumbers(depths);
  return numbered
    .map((frame, i) => ({ frame, i, place: placeOf(depths[i]!) * direction, pass: passes[i]! }))
    .sort((a, b) => a.pass - b.pass || a.place - b.place || a.i - b.i)
    .map(({ frame }) => frame);
}

function byNumber(a: Sortable, b: Sortable): number {
  const numbers = (a.instanceNumber ?? Infinity) - (b.instanceNumber ?? Infinity);
  // Infinity - Infinity is NaN: neither has a number.
  return (Number.isNaN(numbers) ? 0 : numbers) || compareText(a.sopInstanceUid, b.sopInstanceUid) || a.frameNumber - b.frameNumber;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function placeOf(depthMm: number): number {
  return Math.round(depthMm / SAME_PLACE_MM);
}

/** The normal all frames share, or null. */
export function commonNormal(frames: readonly Sortable[]): Vector | null {
  const first = frames[0]?.orientation;
  if (!first) return null;
  const same = frames.every(
    ({ orientation, position }) =>
      position !== null &&
      orientation !== null &&
      isClose(orientation.row, first.row) &&
      isClose(orientation.column, first.column),
  );
  return same ? normalOf(first) : null;
}

function isClose(a: Vector, b: Vector): boolean {
  return a.every((value, i) => Math.abs(value - b[i]!) < SAME_DIRECTION);
}

/** True when, in the machine's own order, the slices go down the normal rather than up. */
function isFalling(depths: readonly number[]): boolean {
  const middle = (depths.length - 1) / 2;
  const trend = depths.reduce((sum, depth, i) => sum + depth * (i - middle), 0);
  return trend < 0;
}

/** Which visit to its place each frame is: 0 the first time; all 0 when each place was finished at once. */
function passNumbers(depths: readonly number[]): number[] {
  const visits = new Map<number, number>();
  let returned = false;
  const passes = depths.map((depth, i) => {
    const place = placeOf(depth);
    const seen = visits.get(place) ?? 0;
    visits.set(place, seen + 1);
    if (seen > 0 && placeOf(depths[i - 1]!) !== place) returned = true;
    return seen;
  });
  return returned ? passes : passes.map(() => 0);
}
